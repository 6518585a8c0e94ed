"""A disk fills up: who is told, what callers see, and that nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.calls import Caller, Refused, article, creation, refusal
from tests.e2e.comparing import Comparison
from tests.e2e.running import RunningStack
from tests.e2e.watching import Prometheus, watching
from tests.waiting import wait_until

DISK = "300m"
FILLING_BYTES = 24 << 20
"""Less than a tenth of the disk, and room to work with."""
LEFT_BYTES = 3 << 20
CALLS_MAX = 20_000
SEEN_SECONDS = 45.0
RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
WHAT = ("--unit", "vnu/uet", "--indicator", "KNW-03", "--from", "2018-01", "--to", "2018-12")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with a few hundred megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK}", "kieng-small", str(folder))
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("a small disk needs root and mount")
    if reason := subprocess.run(mount, capture_output=True, text=True, check=False).stderr:
        pytest.skip(f"no small disk: {reason}")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


def fill(folder: Path, left: int) -> Path:
    """Leave only so many bytes."""
    filler = folder / f"filler-{left}"
    space = shutil.disk_usage(folder).free - left
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space)
    return filler


def doctor(running: RunningStack) -> tuple[int, dict[str, Any]]:
    """Exit code of the doctor, and its lines by name, the disk's as `disk`."""
    told = running.run("doctor", "--output", "json")
    rows = json.loads(told.out)["checks"]
    return told.code, {row["check"].partition(" of ")[0]: row for row in rows}


def warned(running: RunningStack, prometheus: Prometheus) -> None:
    """While there is still some room, the alert and the doctor tell, and nothing fails."""
    alert = ("KiengDiskFilling", "")
    wait_until(lambda: alert in prometheus.firing(), SEEN_SECONDS, "the alert")
    (share,) = prometheus.query('kieng_disk_free_bytes{part="folder"} / kieng_disk_bytes')
    assert float(share["value"][1]) < 0.1
    code, rows = doctor(running)
    assert (code, rows["disk"]["exit_code"]) == (1, 1)
    assert "free" in rows["disk"]["detail"]
    assert "room" in rows["disk"]["remedy"]


def filled(author: Caller, taken: set[str]) -> tuple[Any, Refused]:
    """Submit until a call is refused; the refused request, and what the caller was told."""
    for number in range(CALLS_MAX):
        request = creation("vnu/uet", article(f"10.5555/e2e.full.{number}", "2018-05-05"))
        try:
            taken.add(author.create(request).work_key)
        except grpc.RpcError as error:
            return request, refusal(error)
    raise AssertionError("the disk never filled up")


def is_told_while_full(running: RunningStack, prometheus: Prometheus) -> None:
    """The embedded database answers and refuses everything, and the stack waits for room."""
    is_down = "kieng_database_up == 0"
    wait_until(lambda: prometheus.query(is_down), SEEN_SECONDS, "the exporter sees it")
    code, rows = doctor(running)
    assert (code, rows["disk"]["exit_code"]) == (3, 3)
    assert "0.0 of" in rows["disk"]["detail"]
    assert rows["database"]["remedy"] == "give its disk room, then start it again"


@pytest.mark.slow
def test_a_full_disk_is_told_and_loses_nothing_that_was_acknowledged(
    small_disk: Path,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    mail_server: Any,
    measured: Callable[[str], None],
) -> None:
    broker: str = pytestconfig.getoption("--broker")
    taken: set[str] = set()
    with ExitStack() as opened:
        running = RunningStack(small_disk, broker, {})
        opened.callback(running.stop)
        running.start("up", until="kieng doctor")
        smtp = f"127.0.0.1:{mail_server.port}"
        prometheus = opened.enter_context(watching(running, smtp, tmp_path))
        fillers = [fill(small_disk, FILLING_BYTES)]
        warned(running, prometheus)
        fillers.append(fill(small_disk, LEFT_BYTES))
        request, told = filled(Caller(running, "vnu", "contributor", seconds=5), taken)
        measured(f"disk full: after {len(taken)} submissions callers were told {told.code.name}")
        assert told.code == grpc.StatusCode.UNAVAILABLE
        if broker == "embedded":
            is_told_while_full(running, prometheus)
        for filler in fillers:
            filler.unlink()
        began = time.monotonic()
        if broker == "kafka":
            # A broker that cannot write its log ends, and `kieng up` with it.
            running.stop()
            running.start("up", until="kieng doctor")
        is_well_again(running, request, taken)
        Comparison(running, measured).check()
        measured(f"disk has room: everything counted again after {time.monotonic() - began:.1f} s")
        if broker == "embedded":
            assert "database runs again" in running.printed()
            wait_until(lambda: not prometheus.query("kieng_database_up == 0"), 60, "it is up")
            alert = ("KiengDiskFilling", "")
            wait_until(lambda: alert not in prometheus.firing(), SEEN_SECONDS, "the alert ends")


def is_well_again(running: RunningStack, request: Any, taken: set[str]) -> None:
    """What was refused is taken, what was taken is there, and everything is counted once."""
    patient = Caller(running, "vnu", "contributor")

    def is_taken() -> bool:
        try:
            taken.add(patient.create(request).work_key)
        except grpc.RpcError as error:
            if error.code() not in RETRYABLE:
                raise
            return False
        return True

    wait_until(is_taken, 90, "the refused submission is taken after all")
    listed = running.json("submission", "list", "--unit", "vnu/uet", "--limit", str(CALLS_MAX))
    assert {one["work_key"] for one in listed["submissions"]} >= taken

    def is_counted() -> bool:
        found = running.run("kpi", "show", *WHAT, "--output", "json")
        if found.code:
            return False
        (cell,) = found.json["cells"]
        return bool(cell["declared"] == len(listed["submissions"]))

    wait_until(is_counted, 60, "everything that was taken is counted once")
    wait_until(lambda: doctor(running)[0] == 0, 60, "the doctor is content")
