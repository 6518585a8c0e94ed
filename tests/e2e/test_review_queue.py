"""A reviewer's week with `kieng review`: the queue, one after another by keys, and by a file."""

from __future__ import annotations

import csv
import os
import pty
import select
import subprocess
import time
from pathlib import Path
from typing import Any

from kieng.submissions.v1 import submission_pb2
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import COMMAND_SECONDS, KIENG, RunningStack

INSTITUTION, UNIT, DAY = "hust", "hust/isut", "2014-05-20"
ASKED = ("--institution", INSTITUTION, "--unit", UNIT)


def declared(stack: RunningStack, *names: str) -> list[submission_pb2.Submission]:
    author = Caller(stack, INSTITUTION, "contributor")
    return [
        author.create(creation(UNIT, article(f"10.5555/e2e.queue.{name}", DAY))) for name in names
    ]


def queue(stack: RunningStack, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.json("review", "queue", *ASKED, *options)
    return found


def state(stack: RunningStack, submission: submission_pb2.Submission) -> str:
    reader = Caller(stack, INSTITUTION, "auditor")
    found = reader.read(submission.submission_id)
    return submission_pb2.State.Name(found.state).removeprefix("STATE_").lower()


def test_the_queue_is_shown_decided_and_the_same_decisions_again_change_nothing(
    stack: RunningStack, tmp_path: Path
) -> None:
    assert queue(stack)["waiting"] == 0
    one, two, three = declared(stack, "one", "two", "three")
    found = queue(stack)
    ids = [each["submission_id"] for each in found["submissions"]]
    assert ids == [one.submission_id, two.submission_id, three.submission_id]
    assert (found["new"], found["overdue"]) == (3, 0)
    effects = {(e["unit"], e["indicator"]): e for e in found["submissions"][0]["effects"]}
    before = effects[UNIT, "KNW-03"]
    assert before["once_verified"]["verified"] == before["before"]["verified"] + 1
    assert queue(stack)["new"] == 0
    assert queue(stack, "--type", "receipt")["waiting"] == 0
    assert queue(stack, "--older-than", "1")["waiting"] == 0

    path = tmp_path / "decisions.csv"
    assert stack.run("review", "export", "--to", str(path), *ASKED).code == 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["submission_id"] for row in rows] == ids
    rows[0]["decision"] = "verify"
    rows[1] |= {"decision": "trả lại", "reason": "no proof"}
    written(path, rows)
    imported = ("review", "import", str(path), "--institution", INSTITUTION)
    first, again = stack.json(*imported), stack.json(*imported)
    told = ("decided", "unchanged", "left_open", "refused")
    assert [first[name] for name in told] == [2, 0, 1, 0]
    assert [again[name] for name in told] == [0, 2, 1, 0]
    assert [state(stack, each) for each in (one, two, three)] == [
        *("verified", "returned"),
        "submitted",
    ]
    rows[0] |= {"decision": "return", "reason": "too late"}
    written(path, rows)
    refused = stack.run(*imported)
    assert refused.code == 1
    assert "verified since" in " ".join(refused.out.split())
    assert state(stack, one) == "verified"
    last = stack.json("review", "next", *ASKED, "--decide", "reject", "--reason", "not ours")
    assert last["submission"]["submission_id"] == three.submission_id
    assert queue(stack)["waiting"] == 0
    assert stack.run("review", "next", *ASKED, "--decide", "verify").code == 1


def written(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_what_was_shown_is_what_is_decided(stack: RunningStack) -> None:
    one, two = declared(stack, "shown", "behind")
    shown = stack.json("review", "next", *ASKED)
    assert shown["submission"]["submission_id"] == one.submission_id
    assert shown["submission"]["title"] == "Synthetic article"
    Caller(stack, INSTITUTION, "approver").verify(one.submission_id, one.version)
    overtaken = stack.run("review", "next", *ASKED, "--decide", "verify")
    assert (overtaken.code, overtaken.out) == (1, "")
    assert state(stack, two) == "submitted"
    shown = stack.json("review", "next", *ASKED)
    assert shown["submission"]["submission_id"] == two.submission_id
    decided = stack.json("review", "next", *ASKED, "--decide", "verify")
    assert decided["submission"]["state"] == "STATE_VERIFIED"


def test_a_key_decides_on_a_terminal(stack: RunningStack) -> None:
    (only,) = declared(stack, "key")
    leader, follower = pty.openpty()
    environment = {**os.environ, "KIENG_LANG": "en", "COLUMNS": "120", "TERM": "xterm"}
    argv = (str(KIENG), "review", "next", *ASKED, "--data", str(stack.data))
    process = subprocess.Popen(
        argv, env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    seen, deadline = "", time.monotonic() + COMMAND_SECONDS
    # The terminal drops what is typed before the command reads a key, so the key is pressed again.
    while "still wait" not in seen and time.monotonic() < deadline:
        if select.select([leader], [], [], 0.5)[0]:
            try:
                seen += os.read(leader, 65536).decode(errors="replace")
            except OSError:
                break
        elif "[q]" in seen:
            os.write(leader, b"v")
    process.wait(COMMAND_SECONDS)
    os.close(leader)
    assert "1 decided, 0 still wait" in seen, seen
    assert "Synthetic article" in seen
    assert "KNW-03" in seen
    assert state(stack, only) == "verified"
