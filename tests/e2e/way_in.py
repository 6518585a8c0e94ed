"""Shows what files as people make them do on their way in, from a stack that runs.

`python -m tests.e2e.way_in` starts `kieng up` in `build/way_in` and prints: a table of inputs that
once came out wrong with what each does now; an export of Scopus of 500 records, tried first and
then imported; a template that is filled, imported, exported and imported again. It exits with 1 if
an input does otherwise than it should. Everything in the files is invented.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import xlsxwriter
from rich.console import Console
from rich.table import Table

from services.importing import spreadsheets
from services.importing.headings import read_header
from tests.e2e.running import RunningStack
from tests.e2e.way_in_cases import CASES, Case
from tests.waiting import wait_until

FOLDER = Path(__file__).resolve().parents[2] / "build" / "way_in"
OFFICE = ("--institution", "vnu")
RECORDS, COUNTED_SECONDS = 500, 60
OUTCOMES = ("created", "amended", "renewed", "withdrawn", "unchanged", "refused")


def imported(stack: RunningStack, path: Path, *options: str) -> tuple[str, str]:
    """Import a file; return its outcomes, and the first refusal or notice in one line."""
    done = stack.run("import", str(path), *OFFICE, *options, "--output", "json")
    try:
        answer = json.loads(done.out)
    except ValueError:
        return "file refused", one_line(done.err)
    counts = ", ".join(f"{name} {answer[name]}" for name in OUTCOMES if answer.get(name))
    first = next((f"{row['column']}: {row['problem']}" for row in answer["rows"]), "")
    told = "; ".join(
        f"{name} {len(answer[name])}" for name in ("may_be_same", "shares") if answer.get(name)
    )
    return counts or "nothing", first or told or one_line(done.err)


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())


def declared(stack: RunningStack, code: str, month: str) -> int:
    """Return the declared figure of the consortium in a month; of a ratio, what it is a part of."""
    (cell,) = stack.kpis(["consortium"], month, month, code)["cells"]
    figure = cell["declared"]
    return int(figure["denominator"] if isinstance(figure, dict) else figure)


def figure(stack: RunningStack, case: Case) -> tuple[str, bool]:
    """Return the number that a case comes to, and whether it is the right one."""
    if case.counts is None:
        return "", True
    code, month, right = case.counts
    try:
        wait_until(lambda: declared(stack, code, month) == right, COUNTED_SECONDS, code)
    except AssertionError:
        return f"{code} {declared(stack, code, month)}, not {right}", False
    return f"{code} {right}", True


def show_cases(stack: RunningStack, console: Console) -> list[str]:
    """Print the table of inputs; return the names of those that did otherwise than they should."""
    table, wrong = Table("kind", "input", "outcome", "said", "number", show_lines=True), []
    for number, case in enumerate(CASES):
        (folder := FOLDER / f"case-{number}").mkdir()
        for turn, build in enumerate(case.files):
            path = build(folder, turn)
            options = ("--type", case.type_name, "--system", f"case-{number}", *case.options)
            outcome, said = imported(stack, path, *options)
        number_text, is_right = figure(stack, case)
        if case.right not in f"{outcome} {said}" or not is_right:
            wrong.append(f"{case.kind}: {case.input}: {outcome}: {said} {number_text}")
        table.add_row(case.kind, case.input, outcome, said, number_text)
    console.print(table, markup=False)
    return wrong


def show(console: Console, stack: RunningStack, *words: str) -> str:
    """Print a command and what it answers; return that."""
    done = stack.run(*words)
    console.print(f"$ kieng {' '.join(words)}", markup=False)
    said = f"{done.err}{done.out}".rstrip()
    lines = said.splitlines()
    console.print("\n".join(lines[:40]), markup=False, highlight=False)
    if len(lines) > 40:
        console.print(f"... {len(lines) - 40} more lines")
    return said


def scopus(path: Path) -> Path:
    """Write an export with the columns of Scopus, of invented articles."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(
            ("Authors", "Title", "Year", "Source title", "DOI", "Link", "Document Type", "EID")
        )
        for n in range(RECORDS):
            doi, eid = f"10.5555/way-in.{n}", f"2-s2.0-8500000{n:04}"
            link = f"https://www.scopus.com/inward/record.uri?eid={eid}"
            names = "Author A.; Author B."
            title = f"An invented article, no. {n}"
            writer.writerow((names, title, "2014", "Journal", doi, link, "Article", eid))
    return path


def filled_template(stack: RunningStack, console: Console) -> Path:
    """Write a template and fill in two rows, as its reader would; return the file."""
    empty, filled = FOLDER / "publication.xlsx", FOLDER / "filled.xlsx"
    show(console, stack, "template", "publication", "--to", str(empty), *OFFICE)
    header = spreadsheets.read(empty).header
    given = {
        **{"record_id": "W{}", "unit_id": "vnu/hus", "title": "Invented {}", "indexes": "scopus"},
        **{"issued_on": "2013-05-0{}", "evidence_sha256": "cd" * 32, "doi": "10.5555/filled.{}"},
    }
    console.print("headings: " + " | ".join(header), markup=False)
    names = read_header("publication", header)
    with xlsxwriter.Workbook(filled) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        for row in (1, 2):
            cells = [given.get(name, "").format(row) for name in names]
            sheet.write_row(row, 0, cells)
    return filled


def main() -> int:
    """Run; return the exit code."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    console = Console(width=200)
    stack = RunningStack(FOLDER, "embedded", {})
    stack.start("up", until="kieng doctor")
    try:
        wrong = show_cases(stack, console)
        export = scopus(FOLDER / "scopus.csv")
        given = ("--system", "scopus", "--unit", "vnu/hus", "--month-day", "12-31")
        asked = ("import", str(export), *OFFICE, *given)
        plan = FOLDER / "scopus.plan"
        show(console, stack, *asked, "--dry-run", "--plan", str(plan))
        show(console, stack, "import", *OFFICE, "--commit", str(plan))
        show(console, stack, *asked)
        filled = filled_template(stack, console)
        of = ("--type", "publication", *OFFICE, "--system", "office")
        show(console, stack, "import", str(filled), *of)
        out = FOLDER / "exported.xlsx"
        taken = ("submission", "export", "publication", "--to", str(out), *OFFICE)
        show(console, stack, *taken, "--system", "office")
        show(console, stack, "import", str(out), *of)
        for each in wrong:
            console.print(f"WRONG: {each}", markup=False)
    finally:
        stack.stop()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
