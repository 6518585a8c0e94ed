"""A refusal of a row names its columns as files have them, with the remedy apart."""

from __future__ import annotations

from services.importing.headings import heading_of
from services.importing.refused_cells import RefusedCell, column_of, refused_cells


def test_a_field_is_named_by_its_column() -> None:
    assert column_of("content.facts.publication.doi") == "doi"
    assert column_of("content.unit_id") == "unit_id"
    assert column_of("content.facts.rd_funding.source") == "funding_source"
    assert column_of("content.evidence[1].uri") == "evidence_uri[1]"
    assert column_of("content.evidence") == "evidence"
    assert column_of("source_record.record_id") == "record_id"
    assert column_of("") == ""


def test_a_column_is_told_by_its_heading_in_the_file_or_in_a_template() -> None:
    in_file = {"unit_id": "Khoa", "evidence_sha256": "Mã băm"}
    assert heading_of("unit_id", in_file, "vi") == "Khoa"
    assert heading_of("evidence", in_file, "vi") == "Mã băm"
    assert heading_of("evidence", {}, "vi") == "Tệp minh chứng"
    assert heading_of("institutions[2]", {}, "vi") == "Các trường tham gia[2]"  # codespell:ignore
    assert heading_of("institutions[2]", {}, "en") == "institutions[2]"
    assert heading_of("", in_file, "vi") == ""


def test_what_is_wrong_and_what_to_do_are_told_apart() -> None:
    fields = [("content.unit_id", "unknown unit x; look it up with `kieng unit search`")]
    (cell,) = refused_cells("content.unit_id: " + fields[0][1], fields, "[UNIT]", "en")
    wanted = RefusedCell("unit_id", "unknown unit x", "Look it up with `kieng unit search`")
    assert cell == wanted


def test_a_row_without_a_wrong_field_has_the_reason_for_programs() -> None:
    (cell,) = refused_cells("some sentence nobody knows", [], "[WHY]", "vi")
    assert cell == RefusedCell("", "some sentence nobody knows [WHY]", "")
