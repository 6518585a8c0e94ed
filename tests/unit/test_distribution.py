"""Which module of tests/e2e ends a shared stack."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.distribution import E2E, LAST, last_user_of_the_stack

BREAKS, READS, OWN, LATER = "test_doctor.py", "test_reading.py", "test_demo_once.py", "test_tls.py"
ORDER = (BREAKS, READS, OWN, LATER, LAST)


def items() -> list[Any]:
    """Tests in the order in which they run; two of them do not use the shared stack."""
    return [
        SimpleNamespace(
            nodeid=f"{E2E}{name}::test_it",
            path=Path(name),
            fixturenames=[] if name in (OWN, LATER) else ["stack"],
        )
        for name in ORDER
    ]


@pytest.mark.parametrize(
    ("workers", "module", "last"),
    [(3, READS, READS), (3, BREAKS, LAST), (1, READS, LAST), (1, BREAKS, LAST)],
)
def test_a_stack_ends_with_the_last_module_that_uses_it(
    workers: int, module: str, last: str
) -> None:
    assert last_user_of_the_stack(items(), Path(module), workers) == Path(last)


def test_a_stack_of_a_single_module_ends_with_it() -> None:
    alone = [each for each in items() if each.path == Path(BREAKS)]
    assert last_user_of_the_stack(alone, Path(BREAKS), 3) == Path(BREAKS)
