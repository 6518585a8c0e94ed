"""What a university does alone: copy the log, take the frozen catalogue, recompute the numbers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.cli.commands.up import CATALOGUE
from tests.e2e.calls import Caller, article, creation
from tests.e2e.forked import Answer, kieng
from tests.e2e.running import COMMAND_SECONDS, KIENG, RunningStack
from tests.waiting import wait_until

SHOWN = ("kpi", "show", "--from", "2025-01", "--to", "2025-07")
BUILT_SECONDS_MAX = 200.0
ENDED_UNIT = "vnu-hcm/medicine"
"""Stands below another unit in the tree as it is."""


def view(stack: RunningStack) -> dict[str, Any]:
    """Where the live view stands, when it has read everything that was published."""
    found: dict[str, Any] = stack.json(*SHOWN)["view"]
    return found


def answering(stack: RunningStack) -> str:
    """The view that answers; empty while a database that builds another says to repeat the call."""
    told = stack.run(*SHOWN, "--output", "json")
    assert told.code == 0 or "DEPENDENCY_DOWN" in told.err, told.err
    return str(told.json["view"]["view_id"]) if told.code == 0 else ""


def moved(found: dict[str, Any], before: dict[str, int]) -> dict[str, Any] | None:
    return found if found["progress"] != before else None


def verified(*options: str) -> Answer:
    """`kieng verify`, which needs neither a stack nor its folder."""
    asked = ("verify", *options, "--output", "json")
    return kieng(asked, os.environ, Path.cwd(), COMMAND_SECONDS)


def check(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in ("digest", "progress", "parked"):
        assert found[name] == wanted[name], name


def test_a_copy_of_the_log_leads_to_the_same_numbers_and_a_cut_one_to_none(
    stack: RunningStack, tmp_path: Path
) -> None:
    log, frozen = tmp_path / "submissions.kienglog", tmp_path / "catalogue.json"
    before = view(stack)
    exported = stack.json("catalogue", "export", str(frozen))
    assert f"-c{exported['version']}-" in before["view_id"]
    copied = stack.json("log", "export", str(log))
    assert copied["file"] == str(log)
    assert copied["records"] == sum(before["progress"].values())
    options = ("--log", str(log), "--catalogue", str(frozen))
    # As installed: a program that starts another one.
    argv = (str(KIENG), "verify", *options, "--output", "json")
    done = subprocess.run(argv, capture_output=True, check=True, timeout=COMMAND_SECONDS)
    check(json.loads(done.stdout), before)
    check(stack.json("verify", "--log", "broker", "--catalogue", str(frozen)), before)

    log.write_bytes(log.read_bytes()[:10_000])
    cut = verified(*options)
    assert (cut.code, cut.out) == (1, "")
    assert "the log is damaged at byte " in cut.err
    assert stack.run("log", "export", str(tmp_path / "absent" / "file")).code == 2
    assert stack.run("catalogue", "export", str(frozen), "--version", "999").code == 1


@pytest.mark.slow
def test_files_of_the_repository_do_as_long_as_nothing_else_was_published(
    stack: RunningStack, tmp_path: Path
) -> None:
    """Another tree counts otherwise; only the catalogue as it was frozen tells which."""
    before = view(stack)["progress"]
    claim = creation(ENDED_UNIT, article("10.5555/e2e.ended", "2023-05-20"))
    Caller(stack, "vnu-hcm", "contributor").create(claim)
    former = wait_until(lambda: moved(view(stack), before), 60, "the claim is counted")
    assert "-c1-" in former["view_id"]
    check(stack.json("verify", "--log", "broker"), former)

    published = ("catalogue", "publish", str(CATALOGUE), "--tree", "as-is", "--no-wait")
    new = stack.agreed(*published)["view_id"]
    wait_until(lambda: answering(stack) == new, BUILT_SECONDS_MAX, f"{new} answers")
    as_is = view(stack)
    assert as_is["digest"] != former["digest"]
    frozen = tmp_path / "catalogue.json"
    stack.json("catalogue", "export", str(frozen))
    check(stack.json("verify", "--log", "broker", "--catalogue", str(frozen)), as_is)

    stack.agreed("catalogue", "rollback")
    wait_until(lambda: answering(stack) == former["view_id"], 60, "the former view answers")
    assert view(stack)["digest"] == former["digest"]
