"""`make demo ONCE=1`, of a few rows: it answers, stops everything, and leaves nothing running.

What the whole of the demo's data come to is asked of the stack that every other test shares.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from services.cli.commands.demo import ANSWER, DATA, FILES
from services.cli.commands.demo_answer import ANSWERED
from services.cli.commands.up import DIRECTORY
from tests.e2e.running import KIENG, START_SECONDS
from tests.waiting import wait_until

MARK = "KIENG_E2E_DEMO"
ROWS = 4
MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The demo's partners and targets, and the first articles of one university."""
    folder = tmp_path / "few"
    (folder / "vnu").mkdir(parents=True)
    for name in ("partners.csv", "targets.csv"):
        shutil.copy(FILES / name, folder / name)
    for name, lines in (("publication", ROWS), ("decisions-1", ROWS), ("decisions-2", 0)):
        rows = (FILES / "vnu" / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        text = "\n".join(rows[: 1 + lines]) + "\n"
        (folder / "vnu" / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def marked() -> list[int]:
    """Ids of the processes that inherited the mark of this test."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}=1".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile, or is another user's
    return found


def test_the_demo_answers_once_and_leaves_nothing_running(
    few: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    argv = (str(KIENG), "demo", "--once", "--files", str(few), "--output", "json")
    done = subprocess.Popen(
        (*argv, "--broker", pytestconfig.getoption("--broker")),
        cwd=tmp_path,
        env={**os.environ, "KIENG_LANG": "en", MARK: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # A process that has just begun has no environment to read yet.
    wait_until(lambda: done.pid in marked(), what="the mark of the process")
    printed, said = done.communicate(timeout=START_SECONDS)
    assert done.returncode == 0, said
    written = json.loads((tmp_path / ANSWER).read_text(encoding="utf-8"))
    assert json.loads(printed) == written
    units = [
        unit["unit_id"]
        for unit in yaml.load(DIRECTORY.read_text("utf-8"), yaml.CSafeLoader)["units"]
    ]
    asked = {(unit, code) for unit in units for code in ANSWERED}
    assert len(ANSWERED) == 21
    assert len(written["cells"]) == len(asked)
    assert {(cell["unit"], cell["indicator"]) for cell in written["cells"]} == asked
    articles = {c["unit"]: c["declared"] for c in written["cells"] if c["indicator"] == "KNW-03"}
    assert 0 < articles["consortium"] == articles["vnu"] <= ROWS
    assert not (tmp_path / DATA / "stack.json").exists()
    assert marked() == []


def test_make_runs_what_is_tested_here() -> None:
    assert "$(KIENG) demo $(if $(ONCE),--once)" in MAKEFILE.read_text(encoding="utf-8")
