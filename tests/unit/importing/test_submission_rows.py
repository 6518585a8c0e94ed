"""The parser of import files: columns, cells, and what is wrong with them."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest

from kieng.submissions.v1 import facts_pb2, submission_pb2
from services.importing import field_values, submission_rows
from services.importing.cells import Cell, UnreadableCell
from services.importing.evidence import DEFAULT_TITLE
from services.importing.spreadsheets import Notice

RECEIPT = ["record_id", "unit_id", "number", "amount_vnd", "received_on"]


def receipt(*cells: str) -> submission_rows.Parsed:
    return submission_rows.parse("receipt", RECEIPT, [(2, list[Cell](cells))], "accounts")


def problems(parsed: submission_rows.Parsed) -> list[tuple[int, str, str]]:
    return [(wrong.row, wrong.column, wrong.problem) for wrong in parsed.wrong]


def test_a_row_becomes_a_request_with_its_record_and_facts() -> None:
    (request,) = receipt("r1", "vnu/hus", "PT-1", "1500000", "2025-03-31").requests
    assert (request.row, request.source_record.system) == (2, "accounts")
    assert request.source_record.record_id == "r1"
    assert request.content.unit_id == "vnu/hus"
    assert request.content.facts.receipt.amount_vnd == "1500000"
    assert request.content.facts.receipt.received_on == "2025-03-31"


def test_the_record_of_an_unreadable_row_is_known() -> None:
    assert receipt("r1", "vnu", "PT-1", "much", "2025-03-31").refused == {2: "r1"}


@pytest.mark.parametrize(("cells", "width"), [(("1", "500", "000"), 8), (("1", "500"), 7), ((), 4)])
def test_a_row_whose_cells_have_shifted_is_refused(cells: tuple[str, ...], width: int) -> None:
    row = ("r1", "vnu", "PT-1", "2025-01-10", *cells) if cells else ("r1", "vnu", "PT-1", "5")
    header = ["record_id", "unit_id", "number", "received_on", "amount_vnd"]
    parsed = submission_rows.parse("receipt", header, [(2, row)], "accounts")
    assert not parsed.requests
    told = {"cells": str(len(row)), "headings": "5"}
    assert [(w.problem, w.values) for w in parsed.wrong] == [("cell.width", told)]


def test_one_order_of_day_and_month_rules_a_column() -> None:
    rows = [("r1", "03/31/2021"), ("r2", "04/02/2021"), ("r3", "2021-04-02")]
    table = [
        (number, (record, "vnu", "PT", "1", day))
        for number, (record, day) in enumerate(rows, start=2)
    ]
    parsed = submission_rows.parse("receipt", RECEIPT, table, "accounts")
    assert [request.row for request in parsed.requests] == [4]
    assert (3, "received_on", "cell.month_first") in problems(parsed)
    assert parsed.wrong[-1].values == {"text": "04/02/2021", "proof": "03/31/2021"}


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (date(2018, 3, 1), "cell.turned_date"),
        (0.5, "cell.turned_number"),
        (1.23e17, "cell.turned_number"),
        ("1,23E+11", "cell.turned_number"),
        (UnreadableCell("cell.error", "#N/A"), "cell.error"),
    ],
)
def test_what_a_spreadsheet_made_of_a_text_is_refused(cell: Cell, problem: str) -> None:
    row = ("r1", "vnu", cell, 1500000.0, date(2025, 3, 31))
    parsed = submission_rows.parse("receipt", RECEIPT, [(2, row)], "accounts")
    assert problems(parsed) == [(2, "number", problem)]


def test_a_row_of_totals_is_skipped_and_told() -> None:
    rows = [(2, ("r1", "vnu", "PT-1", "5", "2025-01-01")), (3, ("", "Tổng cộng", "", "5", ""))]
    parsed = submission_rows.parse("receipt", RECEIPT, rows, "accounts")
    assert ([request.row for request in parsed.requests], list(parsed.wrong)) == ([2], [])
    assert parsed.notices == [Notice("import.totals_skipped", {"rows": "1"})]


def test_every_wrong_cell_of_a_row_is_told_at_once() -> None:
    parsed = receipt("", "vnu", "PT-1", "1,5", "soon")
    assert [wrong.column for wrong in parsed.wrong] == ["record_id", "amount_vnd", "received_on"]


def test_a_record_that_stands_twice_is_refused_the_second_time() -> None:
    cells = ("r1", "vnu", "PT-1", "1", "2025-01-01")
    parsed = submission_rows.parse("receipt", RECEIPT, [(2, cells), (3, cells)], "accounts")
    assert [request.row for request in parsed.requests] == [2]
    assert [(w.row, w.problem, w.values) for w in parsed.wrong] == [(3, "cell.twice", {"row": "2"})]


def test_rows_without_any_text_are_skipped() -> None:
    parsed = receipt("", " ", "", "", "")
    assert (list(parsed.requests), list(parsed.wrong)) == ([], [])


def test_lists_enums_booleans_and_renamed_columns_are_read() -> None:
    publication = submission_rows.content(
        "publication", {"unit_id": "vnu", "indexes": "wos|scopus", "quartile": "Q2", "part": "lead"}
    )
    facts = publication.facts.publication
    assert list(facts.indexes) == [
        facts_pb2.Publication.INDEX_WOS,
        facts_pb2.Publication.INDEX_SCOPUS,
    ]
    assert facts.quartile == facts_pb2.Publication.QUARTILE_Q2
    assert publication.part == submission_pb2.PART_LEAD
    funding = {"unit_id": "vnu", "source": "system", "funding_source": "own", "in_kind": "có"}
    claim = submission_rows.content("rd_funding", funding)
    assert claim.source == submission_pb2.SOURCE_SYSTEM
    assert claim.facts.rd_funding.source == facts_pb2.RdFunding.SOURCE_OWN
    assert claim.facts.rd_funding.in_kind


@pytest.mark.parametrize(
    ("column", "text", "problem"),
    [
        ("quartile", "q5", "cell.choice"),
        ("part", "boss", "cell.choice"),
        ("unit_authors", "3,0", "cell.number"),
        ("share_ppm", "half", "cell.share"),
    ],
)
def test_a_value_that_cannot_be_read_is_told(column: str, text: str, problem: str) -> None:
    with pytest.raises(field_values.CellWrong) as told:
        submission_rows.content("publication", {"unit_id": "vnu", column: text})
    assert (told.value.problem, told.value.values["column"]) == (problem, column)


def test_texts_are_normalised_and_stripped() -> None:
    title = unicodedata.normalize("NFD", "  Đề tài\u200b giả  ")
    parsed = submission_rows.parse(
        "publication", ["record_id", "unit_id", "title"], [(2, [*("p1", "vnu", title)])], "cris"
    )
    assert parsed.requests[0].content.facts.publication.title == "Đề tài giả"


def test_a_row_that_withdraws_has_a_reason_and_no_content() -> None:
    header = ["record_id", "unit_id", "action", "reason"]
    row = (2, ["p1", "", "withdraw", "declared twice"])
    (request,) = submission_rows.parse("publication", header, [row], "cris").requests
    assert not request.HasField("content")
    assert request.reason == "declared twice"


def test_evidence_columns_are_read_side_by_side() -> None:
    claim = submission_rows.content(
        "publication",
        {"unit_id": "vnu", "evidence_sha256": "AA|bb", "evidence_title": "contract"},
    )
    assert [(proof.sha256, proof.title) for proof in claim.evidence] == [
        ("aa", "contract"),
        ("bb", DEFAULT_TITLE),
    ]


def test_a_row_with_unreadable_cells_can_be_tried_for_what_else_is_wrong() -> None:
    header = ["record_id", "unit_id", "amount_vnd", "evidence_file"]
    rows = [(2, ["r-1", "x", "much", "a.pdf"]), (3, ["r-2", "vnu/hus", "1", ""])]
    parsed = submission_rows.parse("receipt", header, rows, "file")
    assert [each.row for each in parsed.requests] == [3]
    (unread,) = parsed.unread
    assert (unread.row, unread.content.unit_id) == (2, "x")
    # It must not be taken for the record that it stands for.
    assert unread.source_record.record_id == "#row 2"
    told = ["unit_id", "amount_vnd", "evidence", "evidence_sha256[0]", ""]
    assert parsed.further(2, told) == {"unit_id", ""}
    assert parsed.further(3, told) == set(told)


def test_the_heading_says_whether_a_share_is_in_per_cent() -> None:
    def share(heading: str, text: str) -> int | str:
        header, row = ["record_id", "unit_id", heading], ["r-1", "vnu", text]
        parsed = submission_rows.parse("receipt", header, [(2, row)], "file")
        return parsed.wrong[0].problem if parsed.wrong else parsed.requests[0].content.share_ppm

    assert share("Tỷ lệ đóng góp (%)", "50") == 500_000
    assert share("Share (%)", "33,3333") == 333_333
    assert share("share_ppm", "500000") == share("share_ppm", "50%") == 500_000
    assert share("share_ppm", "50") == share("Share (ppm)", "0,5") == "cell.share"
