"""Cells as values: amounts, days, choices, codes and lists, as people write them."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from buf.validate import validate_pb2
from kieng.submissions.v1 import facts_pb2
from kieng.text.v1 import text_pb2
from services.importing import field_values, headings, submission_rows
from services.importing.cells import Cell

RECEIPT = ["record_id", "unit_id", "number", "amount_vnd", "received_on"]


def receipt(*cells: str) -> submission_rows.Parsed:
    return submission_rows.parse("receipt", RECEIPT, [(2, list[Cell](cells))], "accounts")


def problems(parsed: submission_rows.Parsed) -> list[tuple[int, str, str]]:
    return [(wrong.row, wrong.column, wrong.problem) for wrong in parsed.wrong]


@pytest.mark.parametrize("cell", ["0", 0, 0.0, "0 đ"])
def test_a_zero_is_an_amount_and_not_a_blank(cell: Cell) -> None:
    row: list[Cell] = ["r1", "vnu/hus", "PT-1", cell, "2025-03-31"]
    (request,) = submission_rows.parse("receipt", RECEIPT, [(2, row)], "accounts").requests
    assert request.content.facts.receipt.amount_vnd == "0"


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        ("1500000,5", "cell.fraction"),
        ("1500000.50", "cell.fraction"),
        ("1.500", "cell.fraction"),
        ("1.500.00", "cell.amount"),
        ("1.500,000", "cell.amount"),
        ("-5", "cell.amount"),
        ("(1.500.000)", "cell.amount"),
        ("15.00", "cell.fraction"),
        ("1.500,00", "cell.amount"),
        ("1.500.000,05", "cell.amount"),
        ("1.500.000.00", "cell.amount"),
        ("một triệu", "cell.amount"),
    ],
)
def test_an_amount_that_is_not_whole_dong_names_its_column(amount: str, problem: str) -> None:
    parsed = receipt("r1", "vnu/hus", "PT-1", amount, "2025-03-31")
    assert not parsed.requests
    assert problems(parsed) == [(2, "amount_vnd", problem)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("31/03/2025", "2025-03-31"),
        ("1/3/2025", "2025-03-01"),
        ("1-3-2025", "2025-03-01"),
        ("1.3.2025", "2025-03-01"),
        ("2025-3-5", "2025-03-05"),
        ("2025/03/05", "2025-03-05"),
        ("31/03/2025 00:00:00", "2025-03-31"),
        ("2025-03-31T17:00", "2025-03-31"),
        ("2025-03-31 17:00:00.123", "2025-03-31"),
        ("31/3/2025 12:00:00 AM", "2025-03-31"),
        ("31 / 3 / 2025", "2025-03-31"),
        ("31-Mar-2025", "2025-03-31"),
        ("March 31, 2025", "2025-03-31"),
        ("ngày 31 tháng 3 năm 2025", "2025-03-31"),
        ("31 Thg3 2025", "2025-03-31"),
        ("", ""),
    ],
)
def test_days_are_read_as_vietnamese_write_them(text: str, day: str) -> None:
    (request,) = receipt("r1", "vnu", "PT-1", "1", text).requests
    assert request.content.facts.receipt.received_on == day


@pytest.mark.parametrize(
    "text",
    [
        *("2025-02-30", "31/13/2025", "March", "2015-W37", "20250331", "31/3/25", "31-Mar-25"),
        *("2025-03-31T17:00:00Z", "2025-03-31T17:00+07:00", "30 March - 2 April 2025"),
        *("1-5 March 2025", "Hà Nội, ngày 31 tháng 3 năm 2025", "31 tháng 13 năm 2025"),
    ],
)
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    parsed = receipt("r1", "vnu", "PT-1", "1", text)
    assert problems(parsed) == [(2, "received_on", "cell.day")]


@pytest.mark.parametrize("text", ["7/2025", "07-2025", "7.2025", "2025-07", "2025/7", "2025"])
def test_a_month_is_told_to_lack_its_day(text: str) -> None:
    parsed = receipt("r1", "vnu", "PT-1", "1", text)
    assert problems(parsed) == [(2, "received_on", "cell.day_missing")]


@pytest.mark.parametrize("text", ["scopus|wos", "scopus, wos", "Scopus; WoS", "scopus,wos,"])
def test_choices_may_be_separated_by_what_none_of_them_has(text: str) -> None:
    made = submission_rows.content("publication", {"unit_id": "vnu", "indexes": text})
    indexes = made.facts.publication.indexes
    assert [facts_pb2.Publication.Index.Name(each) for each in indexes] == [
        "INDEX_SCOPUS",
        "INDEX_WOS",
    ]


@pytest.mark.parametrize("text", ["ai|quantum", "AI, quantum", "ai; Quantum", "ai\nquantum"])
def test_codes_are_read_as_choices_are(text: str) -> None:
    made = submission_rows.content("publication", {"unit_id": "vnu", "fields": text, "areas": text})
    facts = made.facts.publication
    assert list(facts.fields) == list(facts.areas) == ["ai", "quantum"]


def test_line_breaks_part_items_and_are_blanks_elsewhere() -> None:
    row = {"unit_id": "vnu", "title": "Tea \n and\r\nsalt", "institutions": "vnu\nhust |vnu-hcm"}
    facts = submission_rows.content("publication", row).facts.publication
    assert facts.title == "Tea and salt"
    assert list(facts.institutions) == ["vnu", "hust", "vnu-hcm"]
    story = {"unit_id": "vnu", "title": "Tea\nand salt", "summary": "One.\n\n\tTwo."}
    read = submission_rows.content("impact_story", story).facts.impact_story
    assert (read.title, read.summary) == ("Tea and salt", "One.\n\n\tTwo.")


@pytest.mark.parametrize("column", ["title", "institutions", "issued_on", "fields"])
@pytest.mark.parametrize("inner", ["\u00a0", " ", "\n "])
def test_many_blanks_take_no_time(column: str, inner: str) -> None:
    before = time.process_time()
    with suppress(field_values.CellWrong):
        row = {"unit_id": "vnu", column: f"1{inner * 50_000}x"}
        submission_rows.content("publication", row)
    receipt("r1", "vnu", "PT-1", f"1{inner * 50_000}đ", "2025-03-31")
    assert time.process_time() - before < 1


def test_prose_is_what_the_contract_says_has_several_lines() -> None:
    rules = {
        field.name: field.GetOptions().Extensions[validate_pb2.field].string
        for message in headings.TYPES.values()
        for field in message.fields
    }
    found = {name for name, rule in rules.items() if rule.Extensions[text_pb2.prose]}
    assert found == field_values.PROSE


@pytest.mark.parametrize(("text", "year"), [("2024", 2024), ("2024.0", 2024), ("", 0)])
def test_a_whole_number_may_be_written_as_a_fraction(text: str, year: int) -> None:
    made = submission_rows.content("publication", {"unit_id": "vnu", "quartile_year": text})
    assert made.facts.publication.quartile_year == year


@pytest.mark.parametrize("text", ["2.024", "2024.00", "2024.5", "2024,0", "-1", "1e3"])
def test_what_may_be_another_number_is_refused(text: str) -> None:
    with pytest.raises(field_values.CellWrong):
        submission_rows.content("publication", {"unit_id": "vnu", "quartile_year": text})


def test_an_unknown_choice_is_named_itself() -> None:
    with pytest.raises(field_values.CellWrong) as told:
        submission_rows.content("publication", {"unit_id": "vnu", "indexes": "scopus, acm"})
    assert told.value.values["text"] == "acm"
    title = {"unit_id": "vnu", "title": "Tea, and salt"}
    assert submission_rows.content("publication", title).facts.publication.title == "Tea, and salt"


@pytest.mark.parametrize(
    "amount",
    [
        *("1500000", "1.500.000", "1,500,000", "1 500 000", "1\u00a0500\u202f000 đồng", "1500000đ"),
        *("1500000.00", "1500000,0", "1.500.000,00", "1,500,000.00 VND", "VND 1.500.000"),
    ],
)
def test_amounts_are_read_as_people_group_them(amount: str) -> None:
    (request,) = receipt("r1", "vnu", "PT-1", amount, "2025-03-31").requests
    assert request.content.facts.receipt.amount_vnd == "1500000"
