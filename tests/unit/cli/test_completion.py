"""A shell is offered commands, options, choices and what commands have read, at once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer._completion_classes import BashComplete

from services.cli import completion
from services.cli.app import app
from services.cli.completion import ASKED, TABLE, Line, offers
from services.cli.completion_words import INDICATORS, SUBMISSIONS, UNITS, remember
from tests.unit.cli import command_line

COMPLETE = """
import sys
before = {*sys.modules}
from services.cli.main import run
try:
    run()
finally:
    packages = {name.partition(".")[0] for name in {*sys.modules} - before}
    print(*sorted(packages - sys.stdlib_module_names), file=sys.stderr)
"""
COMMANDS: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))


def answered(shell: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """What `kieng` prints for a shell, and on the other stream the packages that it imports."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {ASKED: f"complete_{shell}", "KIENG_DATA": str(folder), **more}
    command = [sys.executable, "-c", COMPLETE]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def offered(data: Path, line: str, **more: str) -> dict[str, str]:
    """What is offered for the last word of a command line."""
    *words, incomplete = line.split(" ")[1:]
    return dict(offers(Line(words, incomplete), {"KIENG_DATA": str(data), **more}))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    remember(tmp_path, UNITS, {"consortium": "Liên minh", "vnu": "Đại học", "vnu/hus": "Trường"})
    remember(tmp_path, INDICATORS, {"KNW-01": "Bài báo", "KNW-02": "Sách", "FIN-01": "Thu"})
    remember(tmp_path, SUBMISSIONS, {"vnu.0192f0c1": "vnu/hus"})
    return tmp_path


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("kieng kpi show --unit vn", {"vnu", "vnu/hus"}),
        ("kieng kpi show --unit=vn", {"vnu", "vnu/hus"}),
        ("kieng kpi show --unit = vn", {"vnu", "vnu/hus"}),
        ("kieng kpi show --unit =", {"consortium", "vnu", "vnu/hus"}),
        ("kieng kpi show --unit vnu/hus --unit c", {"consortium"}),
        ("kieng kpi explain --indicator KNW", {"KNW-01", "KNW-02"}),
        ("kieng submission list --institution ", {"consortium", "vnu"}),
        ("kieng submission show vnu.", {"vnu.0192f0c1"}),
        ("kieng submission show --lang en vnu.", {"vnu.0192f0c1"}),
        ("kieng submission show -- vnu.", {"vnu.0192f0c1"}),
        ("kieng submission show vnu.0192f0c1 ", set()),
        ("kieng kpi show --output j", {"json"}),
        ("kieng kpi show --nothing j", set()),
        ("kieng kpi show --nothing=j", set()),
        ("kieng kpi exp", {"explain"}),
        ("kieng templ", {"template"}),
        ("kieng nothing show ", set()),
    ],
)
def test_the_words_that_fit_are_offered(data: Path, line: str, found: set[str]) -> None:
    assert set(offered(data, line)) == found


def test_the_data_folder_of_the_command_line_is_used(data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    assert offered(elsewhere, "kieng kpi show --unit vn") == {}
    line = f"kieng kpi show --data {data} --unit vn"
    assert set(offered(elsewhere, line)) == {"vnu", "vnu/hus"}


@pytest.mark.parametrize(
    ("line", "lang", "said"),
    [
        ("kieng token", "", COMMANDS["token"]["help"][1]),
        ("kieng token", "en", COMMANDS["token"]["help"][0]),
        ("kieng --lang en token", "vi", COMMANDS["token"]["help"][0]),
        ("kieng --lang xx token", "", COMMANDS["token"]["help"][1]),
    ],
)
def test_what_a_command_does_is_said_in_the_readers_language(
    data: Path, line: str, lang: str, said: str
) -> None:
    assert offered(data, line, KIENG_LANG=lang) == {"token": said}


def test_the_table_is_what_the_commands_declare() -> None:
    recorded = TABLE.read_text(encoding="utf-8")
    assert recorded == command_line.as_text(), "run `python -m tests.unit.cli.help_pages`"


def lines(path: str) -> list[list[str]]:
    """Command lines to complete: the command's beginning, options, values, and a second time."""
    words, node = path.split(), COMMANDS[path]
    found = [[*words, ""], [*words, "--"], [*words, "--l"]]
    for option in node["options"]:
        name = option["names"][0]
        given = [*words, name, *(["x"] if option["takes"] else [])]
        found += [[*given, "--"], [*given, ""], [*words, name, ""], [*words, f"{name}=", ""]]
        if option["takes"]:
            found += [[*words, f"{name}="], [*words, f"{name}=x", "--"]]
    if "commands" not in node:
        found += [[*words, "x", ""], [*words, "x", "--"]]
    return random.Random(path).sample(found, min(25, len(found)))


@cache
def every_command() -> Any:
    return typer.main.get_command(app)


@pytest.mark.parametrize("path", COMMANDS)
def test_a_line_is_completed_as_typer_would(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shell asks once, and this test thousands of times: the table is read once.
    monkeypatch.setattr(completion, "json", SimpleNamespace(loads=lambda text: COMMANDS))
    typers = BashComplete(every_command(), {}, "kieng", ASKED)
    for *words, incomplete in lines(path):
        ours = offers(Line(words, incomplete), {"KIENG_DATA": str(tmp_path)})
        theirs = [item.value for item in typers.get_completions([*words], incomplete)]
        assert [*ours] == theirs, (words, incomplete)


def test_bash_is_answered_without_any_library(data: Path) -> None:
    line = {"COMP_WORDS": "kieng\nkpi\nshow\n--unit\nvn", "COMP_CWORD": "4"}
    ran = answered("bash", data, **line)
    assert (ran.returncode, ran.stdout.split()) == (0, ["vnu", "vnu/hus"])
    assert ran.stderr.split() == ["services"]


ZSH_UNITS = """_arguments '*: :(("vnu":"Đại học"\n"vnu/hus":"Trường"))'\n"""


@pytest.mark.parametrize(
    ("shell", "typed", "more", "code", "said"),
    [
        ("zsh", "kieng kpi show --unit vn", {}, 0, ZSH_UNITS),
        ("zsh", "kieng kpi show --unit hu", {}, 0, "_files\n"),
        ("zsh", "kieng kpi show --unit 'vnu/h", {}, 0, ZSH_UNITS.replace('"vnu":"Đại học"\n', "")),
        ("zsh", "kieng kpi exp", {}, 0, None),
        ("fish", "kieng kpi show --unit vnu/", {}, 0, "vnu/hus\tTrường\n"),
        ("fish", "kieng kpi show --unit vnu/", {"FISH_ACTION": "is-args"}, 0, ""),
        ("fish", "kieng kpi show --unit hu", {"FISH_ACTION": "is-args"}, 1, ""),
        ("pwsh", "kieng kpi show --unit vnu/", {"WORD_TO_COMPLETE": "vnu/"}, 0, None),
        ("powershell", "kieng kpi show --unit ", {}, 0, None),
        ("tcsh", "kieng ", {}, 1, ""),
    ],
)
def test_each_shell_is_answered_as_typers_script_expects(
    data: Path, shell: str, typed: str, more: dict[str, str], code: int, said: str | None
) -> None:
    variables = {"ARGS": typed, **more}
    ran = answered(
        shell, data, **{f"_TYPER_COMPLETE_{name}": text for name, text in variables.items()}
    )
    assert ran.returncode == code, ran.stderr
    if said is not None:
        assert ran.stdout == said
    assert "Traceback" not in ran.stderr


def test_signs_that_mean_something_to_zsh_are_escaped() -> None:
    _, show = completion.SHELLS["zsh"]
    assert show({"a:b": "$x `y` \"z\" 'w'"}) == (
        '_arguments \'*: :(("a\\\\:b":"\\$x \\`y\\` ""z"" \'\'w\'\'"))\''
    )
