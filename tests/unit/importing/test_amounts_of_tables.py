"""Amounts of a table whose unit, format or merged cells would make them other amounts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.importing.submission_file import HeadingsWrong, Reading, read
from services.importing.submission_rows import Parsed

Build = Callable[[Any, Any], None]


def csv_of(tmp_path: Path, text: str, type_name: str = "publication") -> Parsed:
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    return read(path, Reading(type_name, "s"))


def problems(parsed: Parsed) -> list[tuple[int, str, str]]:
    return [(each.row, each.column, each.problem) for each in parsed.wrong]


RECEIPT = ("record_id", "unit_id", "amount_vnd", "share_ppm", "received_on")


def receipts_of(tmp_path: Path, build: Build) -> Parsed:
    path = tmp_path / "receipt.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, RECEIPT)
        for row in (1, 2):
            sheet.write_row(row, 0, (f"r{row}", "vnu/hus", 1500000, "", "2015-01-10"))
        build(book, sheet)
    return read(path, Reading("receipt", "s"))


def test_an_amount_in_another_unit_is_refused(tmp_path: Path) -> None:
    def build(book: Any, sheet: Any) -> None:
        sheet.write_number(1, 2, 15, book.add_format({"num_format": '#,##0" triệu"'}))
        sheet.write_number(2, 2, 15000000, book.add_format({"num_format": '#,##0,," triệu"'}))

    parsed = receipts_of(tmp_path, build)
    assert problems(parsed) == [(2, "amount_vnd", "cell.other_unit")]
    assert parsed.requests[0].content.facts.receipt.amount_vnd == "15000000"


def test_an_amount_merged_over_rows_is_refused_in_each(tmp_path: Path) -> None:
    def build(book: Any, sheet: Any) -> None:
        del book
        sheet.merge_range(1, 2, 2, 2, 3000000)
        sheet.merge_range(1, 4, 2, 4, "2015-01-10")

    found = problems(receipts_of(tmp_path, build))
    assert found == [(row, "amount_vnd", "cell.merged_amount") for row in (2, 3)]


def test_a_share_may_be_a_number_in_per_cent(tmp_path: Path) -> None:
    def build(book: Any, sheet: Any) -> None:
        for row, number, form in ((1, 0.5, "0%"), (2, 0.333333, "0.00%")):
            sheet.write_number(row, 3, number, book.add_format({"num_format": form}))

    shares = [each.content.share_ppm for each in receipts_of(tmp_path, build).requests]
    assert shares == [500_000, 333_333]


AMOUNTS = "record_id,unit_id,Số tiền,received_on\n"


@pytest.mark.parametrize(
    "note",
    [
        "ĐVT: triệu đồng",
        "(Đơn vị tính: 1.000 đồng)",
        "Kinh phí (triệu đồng)",
        "Unit: million VND",
        "(triệu đồng)",
        "Tr.đ",
    ],
)
def test_amounts_that_a_note_says_are_not_in_dong_are_refused(tmp_path: Path, note: str) -> None:
    for text in (f",,,{note}\n{AMOUNTS}a,u,15,2025-01-10\n", f"{AMOUNTS},,{note},\na,u,15,\n"):
        with pytest.raises(HeadingsWrong, match="says that amounts are not in dong"):
            csv_of(tmp_path, text, "receipt")
    assert csv_of(tmp_path, f"{note},,\nrecord_id,unit_id,title\nr1,u,T\n").requests


@pytest.mark.parametrize(
    "note",
    [
        "ĐVT: đồng",
        "Đơn vị: Tr. ĐH A",
        "Đơn vị: Triệu Phong",
        "Hợp đồng trên 1 tỷ đồng",
        "1000 đ",
    ],
)
def test_amounts_beside_other_notes_are_read(tmp_path: Path, note: str) -> None:
    assert csv_of(tmp_path, f",,,{note}\n{AMOUNTS}a,u,15,2025-01-10\n", "receipt").requests
