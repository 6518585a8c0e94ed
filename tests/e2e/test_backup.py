"""The runbook of a restore, run line by line: a copy, a wiped stack, the same numbers again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from uuid_utils import uuid7

from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.backups.restore import next_epoch
from tests.e2e.calls import Caller, article, creation
from tests.e2e.comparing import Comparison
from tests.e2e.conftest import SECONDS_MAX
from tests.e2e.demo_works import INSTITUTIONS
from tests.e2e.running import KIENG, RunningStack
from tests.e2e.test_demo_figures import SEVEN_MONTHS, UNITS
from tests.unit.docs.pages import ROOT, commands
from tests.waiting import wait_until

RUNBOOK = ROOT / "docs" / "runbooks" / "restore.md"
RESTORE_SECONDS = 240
SCHOOL = "hust/iet"


class Operator:
    """Somebody who types the lines of the runbook in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, Any] = {}
        self.backup = ""

    def type(self, line: list[str], *more: str, **environment: str) -> int:
        """Run a line, with the name of the backup filled in; keep its JSON answer."""
        words = [word.replace("NAME", self.backup) for word in line[1:]]
        done = subprocess.run(
            (str(KIENG), *words, *more, "--output", "json"),
            cwd=self.folder,
            env={**os.environ, "KIENG_LANG": "en", **environment},
            capture_output=True,
            text=True,
            timeout=RESTORE_SECONDS,
            check=False,
        )
        self.said = json.loads(done.stdout) if done.stdout else {"error": done.stderr}
        return done.returncode


@pytest.fixture
def new_stack(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[RunningStack]:
    """A stack on the data folder that the runbook restores into."""
    running = RunningStack(tmp_path, pytestconfig.getoption("--broker"), {})
    running.data = tmp_path / ".kieng"
    yield running
    running.stop()


def lines_of_the_runbook() -> dict[str, list[str]]:
    """The lines of `kieng backup` by their first two words, as they are first met."""
    found: dict[str, list[str]] = {}
    for line in commands(RUNBOOK):
        found.setdefault(" ".join(line[1:3]), line)
    return found


def copied(stack: RunningStack, operator: Operator, lines: dict[str, list[str]]) -> None:
    """The first part: copy, check, and see that damage is found."""
    assert operator.type(lines["backup create"], KIENG_DATA=str(stack.data)) == 0, operator.said
    operator.backup = operator.said["name"]
    assert operator.said["institutions"] == sorted(INSTITUTIONS)
    assert operator.type(lines["backup verify"]) == 0, operator.said
    assert operator.type(lines["backup list"]) == 0
    assert [one["name"] for one in operator.said["backups"]] == [operator.backup]
    (path, *_) = (operator.folder / "backups" / operator.backup).glob("*vnu/submissions.bson.gz")
    whole = path.read_bytes()
    path.write_bytes(bytes([*whole[:500], whole[500] ^ 1, *whole[501:]]))
    assert operator.type(lines["backup verify"]) == 1
    assert "not what was written" in operator.said["problems"][0]
    assert operator.type(lines["backup restore"]) == 1
    path.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS_MAX)
def test_a_wiped_stack_comes_back_with_the_same_numbers_and_later_one_institution_alone(
    stack: RunningStack,
    new_stack: RunningStack,
    tmp_path: Path,
    measured: Callable[[str], None],
) -> None:
    operator, lines = Operator(tmp_path), lines_of_the_runbook()
    copied(stack, operator, lines)
    before = stack.kpis(UNITS, *SEVEN_MONTHS)
    broker = ("--broker", str(stack.stack.broker_kind))
    assert operator.type(lines["backup restore"], *broker) == 0, operator.said
    assert operator.said["state"] == "restored"
    assert operator.said["digest"] == operator.said["recorded"] == before["view"]["digest"]
    assert operator.type(lines["backup restore"], *broker) == 1
    assert "not empty" in operator.said["error"]
    started = new_stack.start("up", until="kieng doctor")
    measured(f"backup: restored stack up in {started:.1f} s")
    after = new_stack.kpis(UNITS, *SEVEN_MONTHS)
    assert after["cells"] == before["cells"]
    assert after["view"]["digest"] == before["view"]["digest"]
    comparison = Comparison(new_stack, measured)
    comparison.check()
    goes_on(new_stack)
    comparison.check()
    assert comparison.comparisons == 2
    began = time.monotonic()
    one_institution_comes_back(new_stack, operator, broker)
    measured(f"backup: one institution undone and restored in {time.monotonic() - began:.1f} s")
    Comparison(new_stack, measured).check()


def one_institution_comes_back(
    stack: RunningStack, operator: Operator, broker: tuple[str, str]
) -> None:
    """The last part of the runbook: one university undoes a mistake, the others notice nothing."""
    lines = [line for line in commands(RUNBOOK) if "--institution" in line or "--force" in line]
    create, restore = (next(e for e in lines if e[2] == name) for name in ("create", "restore"))
    units = [*INSTITUTIONS, SCHOOL, "vnu/uet"]
    good = numbers(stack, units)
    assert operator.type(create, KIENG_DATA=str(stack.data)) == 0, operator.said
    operator.backup = operator.said["name"]
    assert operator.said["institutions"] == ["hust"]
    withdraw_by_mistake(stack)
    later = Caller(stack, "vnu", "contributor").create(
        creation("vnu/uet", article("10.5555/e2e.after-backup", "2025-03-03"))
    )
    wait_until(lambda: numbers(stack, ["hust"])["hust"] != good["hust"], 60, "it was a mistake")
    wait_until(lambda: numbers(stack, ["vnu"])["vnu"] != good["vnu"], 60, "vnu goes on meanwhile")
    bad = numbers(stack, units)
    stack.stop()
    assert operator.type(restore, *broker) == 0, operator.said
    assert (operator.said["state"], operator.said["recorded"]) == ("joined", "")
    stack.start("up", until="kieng doctor")
    found = stack.kpis(units, *SEVEN_MONTHS)
    assert found["view"]["digest"] == operator.said["digest"]
    back = numbers(stack, units)
    own = ("hust", SCHOOL)
    assert {unit: back[unit] for unit in own} == {unit: good[unit] for unit in own}
    others = [unit for unit in units if unit not in own]
    assert {unit: back[unit] for unit in others} == {unit: bad[unit] for unit in others}
    assert Caller(stack, "vnu", "contributor").read(later.submission_id).version == later.version


def numbers(stack: RunningStack, units: list[str]) -> dict[str, list[Any]]:
    """Unit -> its cells."""
    found: dict[str, list[Any]] = {unit: [] for unit in units}
    for cell in stack.kpis(units, *SEVEN_MONTHS)["cells"]:
        found[cell["unit"]].append(cell)
    return found


def withdraw_by_mistake(stack: RunningStack) -> None:
    """Take back what a school had verified; nobody shares these contracts."""
    asked = ("--unit", SCHOOL, "--type", "policy_contract", "--state", "verified")
    listed = stack.json("submission", "list", *asked)["submissions"]
    author = Caller(stack, "hust", "contributor")
    assert listed
    for each in listed:
        request = api.WithdrawSubmissionRequest(
            request_id=str(uuid7()),
            submission_id=each["submission_id"],
            version=int(each["version"]),
            reason="a mistake",
        )
        author.call("submissions", SubmissionServiceStub, "WithdrawSubmission", request)


def goes_on(stack: RunningStack) -> None:
    """New versions are above every one of before, and what was told is not told again."""
    unread, counted = stack.json("inbox", "list", "--institution", "vnu")["unread"], articles(stack)
    created = Caller(stack, "vnu", "contributor").create(
        creation("vnu/uet", article("10.5555/e2e.after-restore", "2022-01-01"))
    )
    assert created.version >> 40 >= next_epoch(0, datetime.now(UTC)) - 1 > 0
    Caller(stack, "vnu", "approver").verify(created.submission_id, created.version)
    told = "the author is told"
    wait_until(
        lambda: stack.json("inbox", "list", "--institution", "vnu")["unread"] == unread + 1,
        15,
        told,
    )
    wait_until(lambda: articles(stack) == counted + 1, 60, "the view counts it")


def articles(stack: RunningStack) -> int:
    """How many verified articles a school has in the month of the one that is added."""
    (cell,) = stack.kpis(["vnu/uet"], "2022-01", "2022-01", "KNW-03")["cells"]
    return int(cell["verified"])
