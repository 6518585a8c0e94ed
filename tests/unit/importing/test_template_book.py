"""A template is understood by the import, whatever its type and language."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import fromstring
from zipfile import ZipFile

import pytest
import xlsxwriter

from services.importing import headings, spreadsheets, submission_rows, template_book
from services.submissions.identifiers import check_facts
from services.texts import Lang

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def template(tmp_path: Path, type_name: str, lang: Lang, units: tuple[str, ...] = ()) -> Path:
    path = tmp_path / f"{type_name}.xlsx"
    template_book.write(path, type_name, lang, units)
    return path


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("type_name", headings.TYPES)
def test_every_template_has_all_columns_and_no_record(
    tmp_path: Path, type_name: str, lang: Lang
) -> None:
    path = template(tmp_path, type_name, lang)
    table = spreadsheets.read(path, partial(headings.is_header, type_name))
    assert headings.read_header(type_name, table.header) == headings.columns(type_name)
    assert not table.notices
    parsed = submission_rows.parse(type_name, table.header, table.rows, "file")
    assert (list(parsed.requests), list(parsed.wrong)) == ([], [])


def test_the_example_of_a_publication_could_be_a_work(tmp_path: Path) -> None:
    table = spreadsheets.read(template(tmp_path, "publication", Lang.en))
    ((number, example),) = table.rows
    other = {"#example": "r1", "minh-chung.pdf": ""}
    row = [other.get(cell, cell) if isinstance(cell, str) else cell for cell in example]
    parsed = submission_rows.parse("publication", table.header, [(number, row)], "file")
    (request,) = parsed.requests
    check_facts(request.content.facts, date(2026, 1, 1))


def test_a_filled_template_is_read_as_it_is(tmp_path: Path) -> None:
    headers = spreadsheets.read(template(tmp_path, "receipt", Lang.vi)).header
    filled = tmp_path / "filled.xlsx"
    values = {"Mã bản ghi": "r1", "Mã đơn vị": "vnu/hus", "Số hợp đồng": "03/2018"}
    values |= {"Số tiền (đồng)": "1.500.000", "Ngày nhận": "31/03/2025"}
    with xlsxwriter.Workbook(filled) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, headers)
        sheet.write_row(1, 0, [values.get(header.removesuffix(" *"), "") for header in headers])
    table = spreadsheets.read(filled)
    (request,) = submission_rows.parse("receipt", table.header, table.rows, "file").requests
    receipt = request.content.facts.receipt
    assert (receipt.number, receipt.amount_vnd) == ("03/2018", "1500000")
    assert receipt.received_on == "2025-03-31"


def test_choices_units_and_help_are_in_the_book(tmp_path: Path) -> None:
    path = template(tmp_path, "publication", Lang.en, ("vnu", "vnu/hus"))
    with ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        strings = archive.read("xl/sharedStrings.xml").decode()
        comments = archive.read("xl/comments1.xml").decode()
    assert "<formula1>lists!$D$1:$D$2</formula1>" in sheet
    assert all(f"<t>{choice}</t>" in strings for choice in ("vnu/hus", "q1", "lead", "withdraw"))
    assert "A date: 2025-03-31" in comments


def test_columns_of_numbers_and_dates_of_contracts_stay_texts(tmp_path: Path) -> None:
    path = template(tmp_path, "transfer_contract", Lang.en)
    names = headings.columns("transfer_contract")
    with ZipFile(path) as archive:
        styles = fromstring(archive.read("xl/styles.xml"))
        sheet = fromstring(archive.read("xl/worksheets/sheet1.xml"))
    codes = {
        each.get("numFmtId"): each.get("formatCode")
        for each in styles.iterfind(f"{MAIN}numFmts/{MAIN}numFmt")
    }
    formats = [
        codes.get(each.get("numFmtId")) for each in styles.iterfind(f"{MAIN}cellXfs/{MAIN}xf")
    ]
    forms = {
        at: formats[int(column.get("style", "0"))]
        for column in sheet.iterfind(f"{MAIN}cols/{MAIN}col")
        for at in range(int(column.get("min", "0")), int(column.get("max", "0")) + 1)
    }
    texts = ("record_id", "number", "partner", "signed_on")
    assert [forms[names.index(name) + 1] for name in texts] == ["@"] * len(texts)
    assert forms[names.index("value_vnd") + 1] != "@"


def test_what_must_be_filled_in_is_marked(tmp_path: Path) -> None:
    headers = spreadsheets.read(template(tmp_path, "publication", Lang.vi)).header
    marked = [header for header in headers if header.endswith(" *")]
    assert marked == ["Mã bản ghi *", "Mã đơn vị *", "Tên *", "Ngày công bố *", "Tệp minh chứng *"]
    facts = headings.fact_columns("publication")
    told = template_book.help_text("issued_on", facts["issued_on"], Lang.en, True)
    assert told == "issued_on\nRequired. A date: 2025-03-31 or 31/03/2025."


@pytest.mark.parametrize("type_name", headings.TYPES)
def test_of_every_type_the_contract_says_what_must_be_filled_in(type_name: str) -> None:
    needed = template_book.required(type_name)
    assert {"record_id", "unit_id", "evidence_file"} < needed <= set(headings.columns(type_name))
