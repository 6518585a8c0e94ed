"""A refusal of a row names its columns as files have them, with the remedy apart."""

from __future__ import annotations

from services.importing.refused_cells import RefusedCell, column_of, refused_cells


def test_a_field_is_named_by_its_column() -> None:
    assert column_of("content.facts.publication.doi") == "doi"
    assert column_of("content.unit_id") == "unit_id"
    assert column_of("") == ""


def test_what_is_wrong_and_what_to_do_are_told_apart() -> None:
    fields = [("content.unit_id", "unknown unit x; look it up with `kieng unit search`")]
    (cell,) = refused_cells("content.unit_id: " + fields[0][1], fields, "[UNIT]", "en")
    wanted = RefusedCell("unit_id", "unknown unit x", "Look it up with `kieng unit search`")
    assert cell == wanted


def test_a_row_without_a_wrong_field_has_the_reason_for_programs() -> None:
    (cell,) = refused_cells("some sentence nobody knows", [], "[WHY]", "vi")
    assert cell == RefusedCell("", "some sentence nobody knows [WHY]", "")
