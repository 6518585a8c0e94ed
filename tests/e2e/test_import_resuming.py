"""An import that is stopped in its middle goes on when it is given again, and nothing is twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from kieng.submissions.v1.submission_service_pb2 import ListSubmissionsRequest
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.e2e.calls import Caller
from tests.e2e.running import KIENG, RunningStack
from tests.e2e.test_import_cases import PROOF, exported, imported, write
from tests.interrupts import heeding_ctrl_c
from tests.waiting import wait_until

ROWS = 800


def table(path: Path) -> Path:
    """A file of claims without an index, which no indicator counts."""
    base = {"unit_id": "vnu/hus", "evidence_sha256": PROOF, "issued_on": "2016-10-10"}
    return write(path, [{"record_id": f"r{n}", **base, "title": f"T{n}"} for n in range(ROWS)])


def stopped(stack: RunningStack, path: Path, by: signal.Signals) -> tuple[int, str]:
    """Import until some rows are in, and stop it; return the exit code and what it said."""
    asked = ("import", str(path), "--type", "publication", "--institution", "vnu")
    argv = (str(KIENG), *asked, "--system", path.stem, "--data", str(stack.data))
    environment = {**os.environ, "KIENG_LANG": "en"}
    with heeding_ctrl_c():
        process = subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True)

    reader = Caller(stack, "vnu", "contributor")
    wanted = ListSubmissionsRequest(source_system=path.stem, page_size=1)

    def some_are_in() -> bool:
        assert process.poll() is None, "it ended before it was stopped"
        found = reader.call("submissions", SubmissionServiceStub, "ListSubmissions", wanted)
        return bool(found.submissions)

    wait_until(some_are_in, 60, "the first rows are in")
    process.send_signal(by)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def test_ctrl_c_says_what_is_in_and_the_same_command_goes_on(
    stack: RunningStack, tmp_path: Path
) -> None:
    path = table(tmp_path / "e2e-ctrl-c.csv")
    code, said = stopped(stack, path, signal.SIGINT)
    assert code == 130
    assert f"of {ROWS} rows are in" in said
    assert "Traceback" not in said
    done = int(said.split("stopped: ")[1].split(" ")[0])
    answer = imported(stack, path, "publication", "vnu")
    assert answer["created"] + answer["unchanged"] == ROWS
    assert done <= answer["unchanged"] < ROWS


def test_a_killed_import_goes_on_and_nothing_is_twice(stack: RunningStack, tmp_path: Path) -> None:
    path = table(tmp_path / "e2e-killed.csv")
    code, _ = stopped(stack, path, signal.SIGKILL)
    assert code == -signal.SIGKILL
    answer = imported(stack, path, "publication", "vnu")
    assert answer["created"] + answer["unchanged"] == ROWS
    assert answer["unchanged"] > 0, json.dumps(answer)
    assert exported(stack, tmp_path / "all.csv", "publication", path.stem) == ROWS
