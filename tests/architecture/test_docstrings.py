"""Docstrings tell failures and explain parameters, and the rules notice where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.docstrings import failures_are_told, parameters_are_explained

ROOT = Path(__file__).resolve().parents[2]
RAISES = 'def read(path):\n    """Read."""\n    if path:\n        raise ValueError(path)\n'
FOUR = 'def join(a, b, c, *, d):\n    """Join.\n\n    Args:\n        a: one.\n        b: two.\n'


def of(root: Path, source: str) -> Path:
    module = root / "services" / "kpi" / "fold.py"
    module.parent.mkdir(parents=True)
    module.write_text(source)
    return root


def test_public_functions_tell_their_failures() -> None:
    assert failures_are_told(ROOT) == []


def test_public_functions_explain_their_parameters() -> None:
    assert parameters_are_explained(ROOT) == []


def test_a_failure_that_is_not_told_is_named(tmp_path: Path) -> None:
    assert failures_are_told(of(tmp_path, RAISES)) == [
        "services/kpi/fold.py:1: read raises ValueError, and its docstring has no `Raises:`"
    ]


@pytest.mark.parametrize(
    "source",
    [
        RAISES.replace('Read."""', 'Read.\n\n    Raises:\n        ValueError: a path.\n    """'),
        RAISES.replace("read", "_read"),
        "class _Reader:\n    " + RAISES.replace("\n", "\n    "),
        "@with_session('viewer')\n" + RAISES,
        RAISES.replace("raise ValueError(path)", "raise"),
        RAISES.replace("ValueError(path)", "NotImplementedError"),
        RAISES.replace("if path:\n        raise", "def inner():\n        raise"),
    ],
)
def test_what_is_told_private_passed_on_or_a_command_is_left_alone(
    tmp_path: Path, source: str
) -> None:
    assert failures_are_told(of(tmp_path, source)) == []


def test_parameters_that_are_not_explained_are_named(tmp_path: Path) -> None:
    assert parameters_are_explained(of(tmp_path, FOUR + '    """\n')) == [
        "services/kpi/fold.py:1: join does not explain c, d"
    ]


def test_three_parameters_or_four_that_are_explained_are_left_alone(tmp_path: Path) -> None:
    explained = FOUR + '        c: three.\n        d: four.\n    """\n'
    three = 'class A:\n    def join(self, a, b, c):\n        """Join."""\n'
    assert parameters_are_explained(of(tmp_path, explained + three)) == []
