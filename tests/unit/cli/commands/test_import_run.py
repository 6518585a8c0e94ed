"""A file of 50,000 rows is read and sent with little memory, and goes on after Ctrl-C.

The service is a double that answers as the real one; see tests/import_double.py.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.commands.import_plan import Asked
from services.cli.commands.import_run import Policy, Run
from services.cli.errors import INTERRUPTED, Failure
from services.cli.terminal.screen import Screen
from services.texts import Lang
from tests.import_double import ImportDouble

HEADINGS = ("record_id", "unit_id", "doi", "title", "issued_on", "evidence_sha256")
GROWTH_PER_ROW_MAX = 700
"""Bytes of memory per row that the report may take, which names every work that is claimed."""


def write(path: Path, rows: int) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for n in range(rows):
            sha256 = hashlib.sha256(str(n).encode()).hexdigest()
            title = f"Bài báo giả số {n}"
            writer.writerow((f"r{n}", "vnu/hus", f"10.5555/many.{n}", title, "2024-03-01", sha256))
    return path


def run_of(path: Path, double: ImportDouble) -> Run:
    session: Any = SimpleNamespace(
        screen=Screen(lang=Lang.en),
        options="",
        institution="vnu",
        clients=SimpleNamespace(stub=lambda _: double),
    )
    asked = Asked(str(path), "publication", "many", policy=Policy.good_rows)
    return Run(session, asked)


def interrupt_after(rows: int) -> Any:
    def received(count: int) -> None:
        if count >= rows:
            raise KeyboardInterrupt

    return received


@pytest.mark.parametrize(
    ("rows", "stopped_after"),
    [(1_000, 400), pytest.param(50_000, 23_400, marks=pytest.mark.slow)],
)
def test_an_import_stopped_by_ctrl_c_says_what_is_in_and_goes_on(
    tmp_path: Path, rows: int, stopped_after: int
) -> None:
    path = write(tmp_path / "publication.csv", rows)
    double = ImportDouble(interrupt_after(stopped_after))
    first = run_of(path, double)
    with pytest.raises(Failure, match=rf"{stopped_after} of {rows} rows are in") as stopped:
        first.write()
    assert stopped.value.exit_code == INTERRUPTED
    double._received = lambda _: None
    again = run_of(path, double)
    again.write()
    counts = again.document()
    assert (counts["created"], counts["unchanged"]) == (rows - stopped_after, stopped_after)
    assert (counts["refused"], again.is_written) == (0, True)


def peak(path: Path) -> int:
    """Memory that a process takes at most for an import of a file, in bytes."""
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.cli.commands.test_import_run import ImportDouble, run_of\n"
        "run = run_of(Path(sys.argv[1]), ImportDouble()); run.write()\n"
        # Not ru_maxrss, which begins with the memory of the process that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(run.report.counts['created'], status.split('VmHWM:')[1].split()[0])"
    )
    argv = [sys.executable, "-c", script, str(path)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    created, kib = said.split()[-2:]
    with path.open() as file:
        assert int(created) == sum(1 for _ in file) - 1
    return int(kib) * 1024


@pytest.mark.slow
def test_memory_of_an_import_of_50000_rows_is_that_of_its_report(tmp_path: Path) -> None:
    few, many = (peak(write(tmp_path / f"{n}.csv", n)) for n in (5_000, 50_000))
    assert many - few < 45_000 * GROWTH_PER_ROW_MAX
    print(f"5,000 rows: {few / 2**20:.0f} MiB; 50,000: {many / 2**20:.0f} MiB")
