"""Tables of CSV and XLSX files: headings below titles, sheets, limits."""

from __future__ import annotations

import tracemalloc
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.importing import headings, spreadsheets, submission_rows, xlsx_file
from services.importing.cells import Cell, PercentNumber, UnreadableCell, cell_text
from services.importing.errors import Unclear, Unreadable
from services.importing.kept_requests import BYTES_IN_MEMORY
from services.importing.spreadsheets import Notice

DEMO = Path(__file__).parents[3] / "deploy" / "demo"
HEADER = ["record_id", "unit_id", "title"]
IS_PUBLICATION = partial(headings.is_header, "publication")


def book(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """Write a book of sheets with rows."""
    with xlsxwriter.Workbook(path) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


def test_a_spreadsheet_is_read_as_its_people_see_it(tmp_path: Path) -> None:
    path = tmp_path / "receipt.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["record_id", "amount_vnd", "received_on", "in_kind"])
        sheet.write(1, 0, "r1")
        sheet.write(1, 1, 1500000.0)
        sheet.write_datetime(1, 2, datetime(2025, 3, 31), day)
        sheet.write(1, 3, True)
    table = spreadsheets.read(path)
    assert table.header == ["record_id", "amount_vnd", "received_on", "in_kind"]
    ((number, cells),) = table.rows
    assert number == 2
    assert list(map(cell_text, cells)) == ["r1", "1500000", "2025-03-31", "true"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        *((1500000.5, "1500000.5"), (3.0, "3"), (date(2025, 1, 2), "2025-01-02")),
        *(
            (1500000 * 1.1, "1650000"),
            (0.1 + 0.2, "0.3"),
            (123456789012345678.0, "123456789012345680"),
        ),
        *((PercentNumber(0.5), "50%"), (PercentNumber(0.333333), "33.3333%")),
    ],
)
def test_cells_keep_fractions_so_that_they_can_be_refused(cell: Cell, text: str) -> None:
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("absent.csv", None, Unclear),
        ("a.pdf", b"x", Unclear),
        ("a.csv", b"", Unreadable),
        ("a.csv", b" , ,\n\n", Unreadable),
        ("a.xlsx", b"not a book", Unclear),
    ],
)
def test_files_that_cannot_be_read_say_so(
    tmp_path: Path, name: str, content: bytes | None, kind: type[Unreadable]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unreadable) as told:
        spreadsheets.read(path)
    assert type(told.value) is kind
    assert name in str(told.value)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "ROWS_MAX", 2)
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 3)
    with pytest.raises(Unreadable, match="more than 2 rows"):
        spreadsheets.read(path)


def test_rows_without_a_text_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "ROWS_MAX", 2)
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ["p1", "vnu", "Vật liệu"])
        sheet.write(99_999, 0, " ")
    assert list(spreadsheets.read(path).rows) == [(2, ["p1", "vnu", "Vật liệu"])]


def test_a_cell_that_lies_too_far_is_told_instead_of_read(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("Bài báo")
        sheet.write_row(0, 0, HEADER)
        sheet.write(1_048_575, 300, " ")
    with pytest.raises(Unreadable, match="row 1,048,576 and column 301"):
        spreadsheets.read(path)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_titles_above_the_headings_are_skipped_and_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"publication.{suffix}"
    rows = [["DANH SÁCH BÀI BÁO 2025"], [], ["Mã bản ghi", "Đơn vị", "Tên"], ["p1", "vnu", "A"]]
    if suffix == "csv":
        path.write_text("".join(",".join(row) + "\n" for row in rows))
    else:
        book(path, {"Bài": rows})
    table = spreadsheets.read(path, IS_PUBLICATION)
    assert table.header == ["Mã bản ghi", "Đơn vị", "Tên"]
    assert list(table.rows) == [(4, ["p1", "vnu", "A"])]
    assert table.notices == [Notice("import.titles_skipped", {"rows": "1"})]


def test_of_headings_in_two_lines_the_lower_ones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "publication.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "DANH MỤC CÔNG BỐ")
        sheet.merge_range(1, 0, 2, 0, "Mã bản ghi")
        sheet.merge_range(1, 1, 2, 1, "Đơn vị")
        sheet.merge_range(1, 2, 1, 4, "Bài báo")
        sheet.write_row(2, 2, ["Tên", "DOI", "Ngày công bố"])
        sheet.write_row(3, 0, ["p1", "vnu", "A", "10.5555/x", "2025-03-31"])
    table = spreadsheets.read(path, IS_PUBLICATION)
    assert table.header == ["Mã bản ghi", "Đơn vị", "Tên", "DOI", "Ngày công bố"]
    assert [number for number, _ in table.rows] == [4]


def test_the_sheet_with_the_table_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    sheets = {"Ghi chú": [["chỉ để xem"]], "Trống": [], "Bài báo": [HEADER, ["p1", "vnu", "A"]]}
    path = book(tmp_path / "publication.xlsx", sheets)
    table = spreadsheets.read(path, IS_PUBLICATION)
    assert list(table.rows) == [(2, ["p1", "vnu", "A"])]
    told = {"sheet": "Bài báo", "others": "Ghi chú"}
    assert table.notices == [Notice("import.sheets_unread", told)]


def test_two_sheets_with_a_table_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    sheets = {"Quý 1": [HEADER, ["p1", "vnu", "A"]], "Quý 2": [HEADER, ["p2", "vnu", "B"]]}
    path = book(tmp_path / "publication.xlsx", sheets)
    with pytest.raises(Unreadable, match="'Quý 1', 'Quý 2'; choose one"):
        spreadsheets.read(path, IS_PUBLICATION)
    table = spreadsheets.read(path, IS_PUBLICATION, sheet="Quý 2")
    assert list(table.rows) == [(2, ["p2", "vnu", "B"])]
    with pytest.raises(Unreadable, match="no sheet 'Quý 3'"):
        spreadsheets.read(path, IS_PUBLICATION, sheet="Quý 3")


def test_cells_that_say_nothing_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "publication.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        percent = workbook.add_format({"num_format": "0%"})
        sheet.write_row(0, 0, [*HEADER, "indexes", "doi"])
        for row in (1, 2, 3):
            sheet.write_row(row, 0, [f"p{row}", "vnu", "A"])
        sheet.merge_range(1, 3, 3, 3, "scopus")
        sheet.write_formula(1, 4, "=NA()", None, "#N/A")
        sheet.write_number(2, 4, 1, percent)
        sheet.merge_range(4, 0, 4, 2, "p4")
    rows = dict(spreadsheets.read(path).rows)
    assert [cells[3] for cells in rows.values()] == ["scopus", "scopus", "scopus", ""]
    assert rows[2][4] == UnreadableCell("cell.error")
    assert isinstance(rows[3][4], PercentNumber)
    assert rows[5][:3] == ["p4", *[UnreadableCell("cell.merged", "A5:C5")] * 2]


def test_records_with_too_many_cells_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "targets.csv"
    path.write_text("unit_id,value\nvnu,1,500\nhust,2,,\n")
    with pytest.raises(Unreadable, match=r"targets.csv:2: 3 cells under 2 headings"):
        list(spreadsheets.read_records(path))
    path.write_text("unit_id,value\nhust,2,,\nvnu\n")
    records = [(2, {"unit_id": "hust", "value": "2"}), (3, {"unit_id": "vnu", "value": ""})]
    assert list(spreadsheets.read_records(path)) == records


def test_records_with_a_cell_that_says_nothing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "decisions.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["decision", "reason"])
        sheet.write(1, 0, "return")
        sheet.write_formula(1, 1, "=-no proof", None, "#NAME?")
    with pytest.raises(Unreadable, match=r"decisions\.xlsx:2: what stands under 'reason' cannot"):
        list(spreadsheets.read_records(path))


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_text_of_old_fonts_becomes_unicode(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"publication.{suffix}"
    rows = [HEADER, ["p1", "vnu", "§Ò tµi khoa häc"], ["p2", "vnu", "Kinh doanh häc"]]
    if suffix == "csv":
        path.write_bytes("".join(",".join(row) + "\n" for row in rows).encode("latin-1"))
    else:
        book(path, {"Bài": rows})
    table = spreadsheets.read(path)
    assert [cells[2] for _, cells in table.rows] == ["Đề tài khoa học", "Kinh doanh học"]
    assert table.notices == [Notice("import.converted", {"columns": "title"})]


def test_headings_in_unicode_stay_above_text_of_an_old_font(tmp_path: Path) -> None:
    rows = [["Mã bản ghi", "Tên"], ["p1", "§Ò tµi khoa häc"]]
    table = spreadsheets.read(book(tmp_path / "a.xlsx", {"Bài": rows}))
    assert (table.header, next(iter(table.rows))[1][1]) == (
        ["Mã bản ghi", "Tên"],
        "Đề tài khoa học",
    )


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(DEMO.glob("**/*.csv")) if path.stem in headings.TYPES],
    ids=lambda path: str(path.relative_to(DEMO)),
)
def test_every_row_of_the_demo_can_be_read(path: Path) -> None:
    table = spreadsheets.read(path, partial(headings.is_header, path.stem))
    parsed = submission_rows.parse(path.stem, table.header, table.rows, "demo")
    assert not parsed.wrong
    assert not table.notices
    assert len(parsed.requests) == len(list(table.rows))


def test_blanks_far_below_a_table_are_no_rows(tmp_path: Path) -> None:
    rows = [["record_id", "unit_id"], [], ["p1", "vnu"], [], [], [" "]]
    (sheet,) = xlsx_file.sheets(book(tmp_path / "a.xlsx", {"Bài": rows}))
    assert sheet.rows == [["record_id", "unit_id"], [], ["p1", "vnu"]]


def test_memory_does_not_grow_with_the_rows_of_a_csv_file(tmp_path: Path) -> None:
    peaks = []
    for rows in (1_000, 11_000):
        path = tmp_path / f"{rows}" / "receipt.csv"
        path.parent.mkdir()
        lines = (f"r{n},vnu,PT-{n},{n},2025-03-31,{'a' * 400}\n" for n in range(rows))
        header = "record_id,unit_id,number,amount_vnd,received_on,contract_ref\n"
        path.write_text(header + "".join(lines))
        tracemalloc.start()
        table = spreadsheets.read(path, partial(headings.is_header, "receipt"))
        parsed = submission_rows.parse("receipt", table.header, table.rows, "file")
        assert sum(1 for _ in parsed.requests) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The ids of records are kept, to tell repeated ones: about 150 bytes each.
    assert peaks[1] - peaks[0] < 10_000 * 200 + BYTES_IN_MEMORY
