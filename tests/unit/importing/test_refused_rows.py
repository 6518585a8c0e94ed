"""Refused rows as a file: in the columns of the input, mended and read again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.importing import refused_rows, spreadsheets, submission_file
from services.importing.errors import Unreadable
from services.importing.headings import REFUSED_BECAUSE
from services.importing.submission_file import Reading
from services.importing.submission_rows import Parsed

HEADER = ["Mã bản ghi", "unit_id", "number", "amount_vnd", "received_on", "contract_ref"]


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(at, column, cell, day)
                else:
                    sheet.write(at, column, cell)
    return path


def read(path: Path) -> Parsed:
    return submission_file.read(path, Reading("receipt", "accounts"))


def cells(path: Path) -> list[list[str]]:
    table = spreadsheets.read(path)
    return [table.header, *([str(cell) for cell in row] for _, row in table.rows)]


@pytest.mark.parametrize("heading", REFUSED_BECAUSE)
@pytest.mark.parametrize("kind", [".csv", ".xlsx"])
def test_refused_rows_keep_their_columns_and_are_read_again_once_mended(
    tmp_path: Path, heading: str, kind: str
) -> None:
    first = ["r1", "vnu", "=1+1 &", 1500000, date(2025, 3, 31), "contract:X"]
    source = workbook(tmp_path / "in.xlsx", [HEADER, first, ["r2", *first[1:]]])
    parsed = read(source)
    kept = tmp_path / f"refused{kind}"
    refused_rows.write(kept, parsed, {2: ["no such partner", "too late"]}, heading)
    header, *rows = cells(kept)
    assert header == [heading, *HEADER]
    assert rows == [
        [
            "no such partner; too late",
            *("r1", "vnu", rows[0][3], "1500000", "2025-03-31", "contract:X"),
        ]
    ]
    again = read(kept)
    assert not again.wrong
    assert len(again.requests) == 1
    assert again.requests[0].content == parsed.requests[0].content
    assert again.requests[0].source_record.record_id == "r1"


@pytest.mark.parametrize("kind", [".csv", ".xlsx"])
def test_what_a_spreadsheet_changed_is_left_empty_so_that_it_stays_refused(
    tmp_path: Path, kind: str
) -> None:
    row = ["r1", "vnu", date(2018, 3, 1), 5, date(2025, 3, 31), "contract:X"]
    parsed = read(workbook(tmp_path / "in.xlsx", [HEADER, row]))
    assert [each.column for each in parsed.wrong] == ["number"]
    kept = tmp_path / f"refused{kind}"
    refused_rows.write(kept, parsed, {2: ["turned into a date"]}, REFUSED_BECAUSE[0])
    assert cells(kept)[1][3] == ""
    (request,) = read(kept).requests  # the service refuses a receipt without a number
    assert not request.content.facts.receipt.number


def test_a_repeated_record_does_not_amend_the_first_when_it_is_sent_alone(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(
        "record_id,unit_id,number,amount_vnd,received_on\n"
        "r1,vnu,A,5,2025-03-31\nr1,vnu,B,6,2025-03-31\n"
    )
    parsed = read(source)
    kept = tmp_path / "refused.csv"
    refused_rows.write(kept, parsed, {3: ["twice"]}, REFUSED_BECAUSE[0])
    assert [each.problem for each in read(kept).wrong] == ["cell.missing"]


def test_a_row_whose_cells_have_shifted_stays_refused_until_it_is_mended(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(
        "record_id,unit_id,number,amount_vnd,received_on\nr1,vnu,A,1,500,000,2025-03-31\nr2,vnu,B\n"
    )
    parsed = read(source)
    kept = tmp_path / "refused.csv"
    refused_rows.write(kept, parsed, {2: ["width"], 3: ["width"]}, REFUSED_BECAUSE[0])
    assert [each.problem for each in read(kept).wrong] == ["cell.width", "cell.width"]
    with pytest.raises(Unreadable, match="csv"):
        refused_rows.check(tmp_path / "refused.xlsx", source)
