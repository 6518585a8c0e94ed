"""What callers see while a part hangs or dies, and that nothing is lost or counted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.resuming import PATIENCE_SECONDS
from tests.e2e import expected
from tests.e2e.calls import Caller, article, creation, refusal
from tests.e2e.forked import Answer
from tests.e2e.running import COMMAND_SECONDS, KIENG, RunningStack
from tests.e2e.test_demo_figures import SEVEN_MONTHS, UNITS, differences
from tests.pausing import paused
from tests.waiting import wait_until

RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
ROWS = 800
YEAR = ("2021-01", "2021-12")


def declared(stack: RunningStack, unit: str) -> int:
    first, last = YEAR
    asked = ("--unit", unit, "--from", first, "--to", last, "--indicator", "KNW-03")

    def answer() -> Answer | None:
        told = stack.run("kpi", "show", *asked, "--output", "json")
        # A database that was just frozen, or has much to take in, may say to repeat the call.
        return None if "DEPENDENCY_DOWN" in told.err else told

    (cell,) = wait_until(answer, what="the database answers").json["cells"]
    return int(cell["declared"])


def counted_at_once(reader: Caller, unit: str) -> int:
    """The same without a command's start, which may take as long as an import."""
    first, last = YEAR
    wanted = view_pb2.Selection(
        unit_ids=[unit], indicator_codes=["KNW-03"], from_month=first, to_month=last
    )
    request = kpi_service_pb2.GetKpisRequest(selection=wanted)
    return int(reader.call("kpi", KpiServiceStub, "GetKpis", request).cells[0].declared.whole)


def articles(path: Path, name: str = "kill") -> Path:
    """A file of articles that takes the aggregator a while."""
    header = "record_id,unit_id,title,issued_on,indexes,evidence_sha256"
    rows = [
        f"{name}-{number},hust,Synthetic {number},2021-{number % 12 + 1:02d}-15,wos,{'cd' * 32}"
        for number in range(ROWS)
    ]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_killed_aggregator_is_restarted_loudly_and_counts_nothing_twice(
    stack: RunningStack, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    before, killed = declared(stack, "hust"), stack.pid("kpi.aggregator")
    reader = Caller(stack, "hust", "viewer")
    path = articles(tmp_path / "publication.csv")
    asked = (str(KIENG), "import", str(path), "--institution", "hust", "--system", "kill")
    with subprocess.Popen(
        (*asked, "--data", str(stack.data)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as importing:
        wait_until(lambda: counted_at_once(reader, "hust") > before, 60, "the first are counted")
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        was_importing = importing.poll() is None
        assert importing.wait(COMMAND_SECONDS) == 0
    assert was_importing, "the import was over before the kill: make it longer"
    wait_until(lambda: declared(stack, "hust") == before + ROWS, 60, "every row is counted")
    measured(f"aggregator killed: counting exactly again after {time.monotonic() - began:.1f} s")
    assert stack.pid("kpi.aggregator") != killed
    printed = stack.printed()
    assert "kpi.aggregator DIED with code -9" in printed
    assert "kpi.aggregator runs again" in printed
    found = stack.kpis(UNITS, *SEVEN_MONTHS, *expected.INDICATORS)
    assert differences(found, *SEVEN_MONTHS) == []


def test_an_import_goes_on_by_itself_when_its_service_was_killed(
    stack: RunningStack, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    before, killed = declared(stack, "hust"), stack.pid("submissions")
    reader = Caller(stack, "hust", "viewer")
    path = articles(tmp_path / "publication.csv", "cut")
    asked = (str(KIENG), "import", str(path), "--institution", "hust", "--system", "cut")
    shown = ("--output", "json", "--lang", "en", "--data", str(stack.data))
    with subprocess.Popen(
        (*asked, *shown), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as importing:
        wait_until(lambda: counted_at_once(reader, "hust") > before, 30, "the first are counted")
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        # The command itself waits so long for a service, and has the rest to import then.
        out, err = importing.communicate(timeout=PATIENCE_SECONDS + COMMAND_SECONDS)
    assert importing.returncode == 0, err
    assert "waiting for it" in err, "the import was over before the kill: make it longer"
    counts = json.loads(out)
    assert counts["created"] + counts["unchanged"] == ROWS
    assert (counts["refused"], counts["rows"]) == (0, [])
    wait_until(lambda: declared(stack, "hust") == before + ROWS, 60, "every row is counted once")
    measured(f"submissions killed: the import ended {time.monotonic() - began:.1f} s later")
    assert stack.pid("submissions") != killed


def test_a_hung_database_is_said_within_the_deadline_and_the_repeated_call_succeeds_once(
    stack: RunningStack,
) -> None:
    before = declared(stack, "vnu/uet")
    author = Caller(stack, "vnu", "contributor", seconds=2)
    request = creation("vnu/uet", article("10.5555/e2e.hung-database", "2021-06-01"))
    with paused(stack.pid("database")):
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            author.create(request)
        assert time.monotonic() - began < 3
    assert refusal(caught.value).code in RETRYABLE
    patient = Caller(stack, "vnu", "contributor")
    first = wait_until(lambda: attempt(patient, request), 60, "the repeated call succeeds")
    assert patient.create(request).submission_id == first
    wait_until(lambda: declared(stack, "vnu/uet") == before + 1, 60, "it is counted")
    found = stack.json("submission", "list", "--unit", "vnu/uet", "--limit", "20000")
    keys = [one["work_key"] for one in found["submissions"]]
    assert keys.count("doi:10.5555/e2e.hung-database") == 1


def attempt(caller: Caller, request: object) -> str:
    """Id of the submission, empty while the service is not back."""
    try:
        return caller.create(request).submission_id  # type: ignore[arg-type]
    except grpc.RpcError as error:
        if refusal(error).code not in RETRYABLE:
            raise
        return ""


def test_a_submission_is_taken_while_the_broker_hangs_and_counted_when_it_is_back(
    stack: RunningStack,
) -> None:
    before = declared(stack, "vnu/uet")
    request = creation("vnu/uet", article("10.5555/e2e.hung-broker", "2021-07-01"))
    author = Caller(stack, "vnu", "contributor", seconds=3)
    with paused(stack.pid("broker")):
        made = author.create(request)
        assert author.read(made.submission_id).version == made.version
        assert declared(stack, "vnu/uet") == before
    wait_until(lambda: declared(stack, "vnu/uet") == before + 1, 60, "it is counted")
