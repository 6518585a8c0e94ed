"""What a workbook hides is told: sheets, columns, and rows."""

from __future__ import annotations

import time
import zipfile
from functools import partial
from pathlib import Path

import pytest
import xlsxwriter

from services.importing import headings, spreadsheets
from services.importing.spreadsheets import Notice

HEADER = ["record_id", "unit_id", "title"]
IS_PUBLICATION = partial(headings.is_header, "publication")


def test_a_hidden_sheet_is_not_mistaken_for_the_table(tmp_path: Path) -> None:
    path = tmp_path / "publication.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        shown, hidden = workbook.add_worksheet("A"), workbook.add_worksheet("B")
        for sheet, record in ((shown, "p1"), (hidden, "p2")):
            sheet.write_row(0, 0, HEADER)
            sheet.write_row(1, 0, [record, "vnu", "A"])
        hidden.hide()
    assert list(spreadsheets.read(path, IS_PUBLICATION).rows) == [(2, ["p1", "vnu", "A"])]


@pytest.mark.parametrize("how", ["hide", "very_hidden"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_table_on_a_hidden_sheet_is_told_and_a_list_of_words_is_not(
    tmp_path: Path, how: str, first: int
) -> None:
    path = tmp_path / "publication.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheets = [workbook.add_worksheet(name) for name in ("A", "B", "Lists")]
        for sheet in sheets[:2]:
            sheet.write_row(0, 0, ["record_id", "title"])
            sheet.write_row(1, 0, [f"of {sheet.name}", "T"])
        sheets[2].write_column(0, 0, ["scopus", "wos"])
        sheets[2].hide()
        getattr(sheets[first], how)()
        sheets[1 - first].activate()
    table = spreadsheets.read(path, lambda texts: "record_id" in texts)
    read, unread = sheets[1 - first].name, sheets[first].name
    assert [cells[0] for _, cells in table.rows] == [f"of {read}"]
    assert table.notices == [Notice("import.sheets_unread", {"sheet": read, "others": unread})]


@pytest.mark.parametrize(
    ("hidden", "told"),
    [("B:B", "title"), ("A:B", "record_id, title"), ("B:XFD", "title, doi"), ("D:XFD", "")],
)
def test_hidden_columns_that_are_read_are_told(tmp_path: Path, hidden: str, told: str) -> None:
    path = tmp_path / "publication.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("A")
        sheet.write_row(0, 0, ["record_id", "title", "doi"])
        sheet.write_row(1, 0, ["p1", "T", "10.5555/x"])
        sheet.set_column(hidden, None, None, {"hidden": True})
    table = spreadsheets.read(path)
    wanted = [Notice("import.hidden_columns", {"columns": told})] if told else []
    assert table.notices == wanted
    assert [cells for _, cells in table.rows] == [["p1", "T", "10.5555/x"]]


def test_ranges_of_hidden_columns_that_overlap_take_no_time(tmp_path: Path) -> None:
    plain, hostile = tmp_path / "plain.xlsx", tmp_path / "hostile.xlsx"
    with xlsxwriter.Workbook(plain) as workbook:
        sheet = workbook.add_worksheet("A")
        sheet.write_row(0, 0, ["record_id", "title"])
        sheet.write(1, 16_000, "far")
        sheet.set_column("B:B", None, None, {"hidden": True})
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(hostile, "w") as target:
        for name in source.namelist():
            many = b"<cols>" + b'<col min="1" max="16384" hidden="1"/>' * 20_000
            target.writestr(name, source.read(name).replace(b"<cols>", many))
    before = time.process_time()
    table = spreadsheets.read(hostile)
    assert time.process_time() - before < 3
    assert table.notices == [Notice("import.hidden_columns", {"columns": "record_id, title"})]


def test_rows_hidden_by_a_filter_are_told_and_skipped_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "publication.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        for row in (1, 2, 3):
            sheet.write_row(row, 0, [f"p{row}", "vnu", "A"])
        sheet.set_row(2, options={"hidden": True})
    all_rows = spreadsheets.read(path)
    assert [number for number, _ in all_rows.rows] == [2, 3, 4]
    assert all_rows.notices == [Notice("import.hidden_read", {"rows": "1"})]
    shown = spreadsheets.read(path, skip_hidden=True)
    assert [number for number, _ in shown.rows] == [2, 4]
    assert shown.notices == [Notice("import.hidden_skipped", {"rows": "1"})]
