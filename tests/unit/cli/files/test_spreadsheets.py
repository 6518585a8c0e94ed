"""Files of people: encodings, separators, spreadsheets, limits."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter

from services.cli.errors import NO, USAGE, Failure
from services.cli.files import spreadsheets, submission_rows

TEXT = "record_id;title\nr1;Đề tài giả\n"
DEMO = Path(__file__).parents[4] / "deploy" / "demo"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_of_spreadsheet_programs_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TEXT, encoding=encoding)
    assert spreadsheets.read(path) == (["record_id", "title"], [(2, ["r1", "Đề tài giả"])])


def test_vietnamese_windows_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    # Windows-1258 writes tone marks as letters of their own.
    path.write_bytes("id;title\nr1;Đê\u0300 tài\n".encode("cp1258", errors="ignore"))
    (_, [(_, cells)]) = spreadsheets.read(path)
    assert unicodedata.normalize("NFC", cells[1]).startswith("Đề")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_found_by_the_header(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'a{separator}b\n"1\n2"{separator}3\n')
    assert spreadsheets.read(path) == (["a", "b"], [(2, ["1\n2", "3"])])


def test_a_spreadsheet_is_read_as_its_people_see_it(tmp_path: Path) -> None:
    path = tmp_path / "receipt.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["record_id", "amount_vnd", "received_on", "in_kind"])
        sheet.write(1, 0, "r1")
        sheet.write(1, 1, 1500000.0)
        sheet.write_datetime(1, 2, datetime(2025, 3, 31), day)
        sheet.write(1, 3, True)
    assert spreadsheets.read(path) == (
        ["record_id", "amount_vnd", "received_on", "in_kind"],
        [(2, ["r1", "1500000", "2025-03-31", "true"])],
    )


@pytest.mark.parametrize(
    ("cell", "text"), [(1500000.5, "1500000.5"), (3.0, "3"), (date(2025, 1, 2), "2025-01-02")]
)
def test_cells_keep_fractions_so_that_they_can_be_refused(cell: object, text: str) -> None:
    assert spreadsheets.cell_text(cell) == text


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("absent.csv", None, USAGE),
        ("a.pdf", b"x", USAGE),
        ("a.csv", b"", NO),
        ("a.xlsx", b"not a book", NO),
    ],
)
def test_files_that_cannot_be_read_say_so(
    tmp_path: Path, name: str, content: bytes | None, code: int
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Failure) as told:
        spreadsheets.read(path)
    assert told.value.exit_code == code
    assert name in told.value.message


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "ROWS_MAX", 2)
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 3)
    with pytest.raises(Failure, match="more than 2 rows"):
        spreadsheets.read(path)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(DEMO.glob("**/*.csv")) if path.stem in submission_rows.TYPES],
    ids=lambda path: str(path.relative_to(DEMO)),
)
def test_every_row_of_the_demo_can_be_read(path: Path) -> None:
    header, body = spreadsheets.read(path)
    parsed = submission_rows.parse(path.stem, header, body, "demo")
    assert not parsed.wrong
    assert len(parsed.requests) == len(body)
