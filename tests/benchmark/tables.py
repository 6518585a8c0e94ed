"""Reading and checking tables: CSV against a former build and a bare loop, XLSX against CSV.

Each reading is a process of its own, so that its CPU time and its memory are its own; what it takes
to start, and to read a table of one row, is taken off. Nothing is sent.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from string import Template

import xlsxwriter

from tests.benchmark.figures import Figure, Target
from tests.benchmark.importing import BEFORE, build, write_files
from tests.benchmark.machine import ROOT

CSV_ROWS, XLSX_ROWS, FEW_ROWS = 100_000, 50_000, 5_000
READING_SECONDS_MAX = 900
OF_CSV, OF_XLSX = Target(5, is_least=True), Target(3)

NOW = """
from services.importing.submission_file import Reading, read
assert not read(path, Reading(type_name="publication", system="file")).wrong
"""
FORMER = """
from services.cli.imports import read
assert not read(path, "publication", "file").wrong
"""
_LOOP = Template("""
import csv
from datetime import date
from kieng.submissions.v1.facts_pb2 import Publication
from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest$imports
indexes = {name.removeprefix("INDEX_").lower(): n for name, n in Publication.Index.items()}
quartiles = {name.removeprefix("QUARTILE_").lower(): n for name, n in Publication.Quartile.items()}
kept, seen, foreign = $kept, set(), {}
with path.open(newline="", encoding="utf-8") as file:
    rows = csv.reader(file, strict=True)
    width = len(next(rows))
    for number, cells in enumerate(rows, start=2):
        cells = [cell.strip() for cell in cells]
        assert len(cells) == width and cells[0] and cells[0] not in seen
        seen.add(cells[0])$checks
        request = ImportSubmissionsRequest(row=number)
        request.source_record.system, request.source_record.record_id = "file", cells[0]
        content = request.content
        content.unit_id, facts = cells[1], content.facts.publication
        facts.doi, facts.title = cells[2], cells[3]
        facts.indexes.extend([indexes[name] for name in cells[4].split("|")])
        facts.quartile, facts.quartile_source = quartiles[cells[5]], cells[6]
        facts.quartile_year = int(cells[7])
        facts.issued_on = date.fromisoformat(cells[8]).isoformat()
        facts.unit_authors = int(cells[9])
        facts.fields.extend(cells[10].split("|"))
        content.evidence.add(title=cells[11], uri=cells[12], sha256=cells[13])
        kept.append($encoded)
""")
BARE = _LOOP.substitute(imports="", kept="[]", checks="", encoded="request.SerializeToString()")
CHECKED = _LOOP.substitute(
    imports="""
from services.importing.cells import trouble_of_words
from services.importing.kept_requests import KeptRequests
""",
    kept="KeptRequests()",
    checks="""
        for at in [at for at, cell in enumerate(cells) if not cell.isascii()]:
            foreign[at] = max(cells[at])
        assert not trouble_of_words(cells[0]) and not trouble_of_words(cells[3])
        assert cells[8][:4].isdigit() and cells[0][0] not in "tcgsTCGS"
""",
    encoded="request",
)
"""The same with the checks that no reader can leave out, and in memory that does not grow.

Texts that were spoilt on their way, letters of old fonts, rows of totals and the order of dates.
"""
CALAMINE = """
import python_calamine
with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
    for row in book.get_sheet_by_index(0).iter_rows():
        pass
"""
MEASURED = """
import json, resource, sys
from pathlib import Path
path = Path(sys.argv[1])
{body}
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss, which begins with the memory of the process that started this one.
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([used.ru_utime + used.ru_stime, int(peak) / 1024]))
"""


def _read(body: str, path: Path, tree: Path) -> tuple[float, float]:
    """Return seconds of CPU and MiB of memory of a process that reads a table."""
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree}/protos/gen", "PYTHONSAFEPATH": "1"}
    argv = [sys.executable, "-c", MEASURED.format(body=body), str(path)]
    said = subprocess.run(
        argv,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
        timeout=READING_SECONDS_MAX,
        cwd=path.parent,
    ).stdout
    seconds, memory = json.loads(said)
    return seconds, memory


def _to_xlsx(table: Path) -> Path:
    path = table.with_suffix(".xlsx")
    with (
        xlsxwriter.Workbook(path, {"constant_memory": True}) as book,
        table.open(newline="", encoding="utf-8") as file,
    ):
        sheet = book.add_worksheet("publication")
        for number, row in enumerate(csv.reader(file)):
            sheet.write_row(number, 0, row)
    return path


def _table(folder: Path, rows: int) -> Path:
    (place := folder / str(rows)).mkdir(parents=True)
    return write_files(place, rows)[0]


def measure(folder: Path, rows: int = CSV_ROWS) -> list[Figure]:
    """Read the same rows by this build, the former one and bare loops; return figures and ratios.

    Args:
        folder: empty folder for tables and the former build.
        rows: rows of the CSV file; the XLSX file has half of them.

    Raises:
        Missing: there is no former build to compare with.
    """
    former = build(BEFORE, folder)
    one, few = _table(folder, 1), _table(folder, FEW_ROWS)
    many, half = _table(folder, rows), _table(folder, rows // 2)
    readers = {
        "": (NOW, ROOT),
        f", {BEFORE}": (FORMER, former),
        ", bare loop": (BARE, ROOT),
        ", bare loop with checks": (CHECKED, ROOT),
    }
    figures, cost = [], {}
    for name, (body, tree) in readers.items():
        (base, _), (whole, memory) = (_read(body, path, tree) for path in (one, many))
        cost[name] = (whole - base) / rows * 1e6
        told = {"memory": f"{memory:.0f} MiB"}
        figures.append(Figure(f"CSV{name}", cost[name], "us CPU/row", rows, told))
    before, now = cost[f", {BEFORE}"], cost[""]
    checked = cost[", bare loop with checks"]
    figures.append(OF_CSV.judged(f"CSV: rate to {BEFORE}'s", before / now, before / checked))
    grown = _read(NOW, many, ROOT)[1] - _read(NOW, few, ROOT)[1]
    figures.append(Figure(f"CSV: memory for {rows - FEW_ROWS:,} rows more", grown, "MiB"))
    return [*figures, *_xlsx(one, few, half, rows // 2)]


def _xlsx(one: Path, few: Path, table: Path, rows: int) -> list[Figure]:
    figures, cost = [], {}
    books = [_to_xlsx(each) for each in (one, table, few)]
    for name, body in {"": NOW, ", calamine alone": CALAMINE}.items():
        (base, _), (seconds, memory), (_, memory_of_few) = (
            _read(body, book, ROOT) for book in books
        )
        cost[name] = seconds - base
        told = {"memory": f"{memory:.0f} MiB, of {FEW_ROWS:,} rows {memory_of_few:.0f}"}
        figures.append(Figure(f"XLSX{name}", cost[name] / rows * 1e6, "us CPU/row", rows, told))
    of_csv = _read(NOW, table, ROOT)[0] - _read(NOW, one, ROOT)[0]
    floor = cost[", calamine alone"] / of_csv
    return [*figures, OF_XLSX.judged("XLSX: time to that of the CSV", cost[""] / of_csv, floor)]
