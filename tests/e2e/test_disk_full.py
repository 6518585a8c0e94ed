"""The disk of a stack fills up: what callers see, and that nothing acknowledged is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import grpc
import pytest

from tests.e2e.calls import Caller, article, creation, refusal
from tests.e2e.running import RunningStack, wait_until

DISK = "300m"
LEFT_BYTES = 3 << 20
CALLS_MAX = 20_000
YEAR = ("2018-01", "2018-12")


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


def fill(folder: Path) -> Path:
    """Leave only a little room."""
    filler = folder / "filler"
    space = shutil.disk_usage(folder).free - LEFT_BYTES
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space)
    return filler


def test_a_full_disk_is_told_to_callers_and_loses_nothing_that_was_acknowledged(
    small_disk: Path, pytestconfig: pytest.Config, measured: Callable[[str], None]
) -> None:
    broker: str = pytestconfig.getoption("--broker")
    running = RunningStack(small_disk, broker, {})
    try:
        running.start("up", until="kieng doctor")
        author = Caller(running, "vnu", "contributor", seconds=5)
        numbers, taken, told = count(), set(), None
        filler = fill(small_disk)
        while told is None:
            number = next(numbers)
            assert number < CALLS_MAX, "the disk never filled up"
            request = creation("vnu/uet", article(f"10.5555/e2e.full.{number}", "2018-05-05"))
            try:
                taken.add(author.create(request).work_key)
            except grpc.RpcError as error:
                told = refusal(error)
        filler.unlink()
        measured(f"disk full: after {len(taken)} submissions callers were told {told.code.name}")
        assert told.code == grpc.StatusCode.UNAVAILABLE
        # A database that could not write its journal does not go on: a restart reads it again.
        running.stop()
        running.start("up", until="kieng doctor")
        patient = Caller(running, "vnu", "contributor")

        def is_taken() -> bool:
            try:
                taken.add(patient.create(request).work_key)
            except grpc.RpcError:
                return False
            return True

        wait_until(is_taken, 60, "the refused submission is taken after all")
        listed = running.json("submission", "list", "--unit", "vnu/uet", "--limit", str(CALLS_MAX))
        assert {one["work_key"] for one in listed["submissions"]} >= taken

        def is_counted() -> bool:
            (cell,) = running.kpis(["vnu/uet"], *YEAR, "KNW-03")["cells"]
            return bool(cell["declared"] == len(listed["submissions"]))

        wait_until(is_counted, 60, "everything that was taken is counted once")
    finally:
        running.stop()
