"""What is exported is read again as what it was, for every type, as CSV and as XLSX."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import submission_pb2
from services.cli.files import submission_export
from services.importing import headings, spreadsheets
from services.importing.field_values import CODES, is_amount, is_day, joined, places, split
from services.importing.submission_file import Reading, read
from services.texts import Lang

PROOFS = (("A | B", "https://a.test/?q=1"), ("B\\", ""), ("C", "doi:10.5555/x"))


def value(field: FieldDescriptor, name: str, number: int) -> Any:
    """A value that no other field has."""
    if field.enum_type is not None:
        return field.enum_type.values[1 + number % (len(field.enum_type.values) - 1)].number
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type != FieldDescriptor.TYPE_STRING:
        return number + 2
    if field.name in CODES:
        return f"code_{number}"
    if is_amount(field):
        return str(1_500_000 + number)
    return f"2024-03-{number % 28 + 1:02d}" if is_day(field) else f'Đề tài, "{name}"; 00{number}'


def submission(type_name: str, is_full: bool) -> submission_pb2.Submission:
    """A submission with all fields, or with none but the record."""
    made = submission_pb2.Submission()
    made.source_record.record_id = "007" if is_full else "12E5"
    facts = getattr(made.content.facts, type_name)
    facts.SetInParent()
    if not is_full:
        return made
    made.content.unit_id, made.content.share_ppm = "vnu/hus", 250_000
    made.content.part, made.content.source = submission_pb2.PART_LEAD, submission_pb2.SOURCE_SYSTEM
    for number, (name, field) in enumerate(headings.fact_columns(type_name).items()):
        if field.is_repeated:
            items = [value(field, f"{name}|{item}", item) for item in range(2)]
            getattr(facts, field.name).extend(items)
        else:
            setattr(facts, field.name, value(field, name, number))
    for title, uri in PROOFS:
        made.content.evidence.add(sha256="ab" * 32, title=title, uri=uri)
    return made


@pytest.mark.parametrize("suffix", submission_export.SUFFIXES)
@pytest.mark.parametrize("type_name", headings.TYPES)
def test_every_type_is_read_as_it_was(tmp_path: Path, type_name: str, suffix: str) -> None:
    made = [submission(type_name, True), submission(type_name, False)]
    path = tmp_path / f"export{suffix}"
    rows = [submission_export.row(type_name, each) for each in made]
    assert submission_export.write(path, type_name, Lang.vi, rows) == 2
    parsed = read(path, Reading(type_name, "cris"))
    assert (list(parsed.wrong), list(parsed.notices)) == ([], [])
    for request, each in zip(parsed.requests, made, strict=True):
        assert request.source_record.record_id == each.source_record.record_id
        assert request.content == each.content


def test_a_withdrawn_submission_stays_withdrawn(tmp_path: Path) -> None:
    made = submission("publication", True)
    made.state, made.reason = submission_pb2.STATE_WITHDRAWN, "declared twice"
    path = tmp_path / "export.csv"
    rows = [submission_export.row("publication", made)]
    submission_export.write(path, "publication", Lang.en, rows)
    (request,) = read(path, Reading("publication", "cris")).requests
    assert not request.HasField("content")
    assert request.reason == "declared twice"


@pytest.mark.parametrize("lang", Lang)
def test_the_columns_are_those_of_the_template(tmp_path: Path, lang: Lang) -> None:
    for type_name in headings.TYPES:
        path = tmp_path / f"{type_name}.xlsx"
        submission_export.write(path, type_name, lang, [["1"]])
        table = spreadsheets.read(path, partial(headings.is_header, type_name))
        assert headings.read_header(type_name, table.header) == headings.columns(type_name)


@pytest.mark.parametrize(
    "items", [["a", "b"], ["a|b", "c"], ["a\\", "b"], ["", "b"], ["a\\|", "|"], ["\\\\", "x"]]
)
def test_items_with_bars_and_backslashes_stay(items: list[str]) -> None:
    assert places(joined(items)) == items


def test_a_backslash_that_escapes_nothing_is_itself() -> None:
    assert places("a\\b|c\\") == ["a\\b", "c\\"]
    assert split("a| |b") == ["a", "b"]
