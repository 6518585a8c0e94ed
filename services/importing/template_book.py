"""Writes an XLSX template for a submission type, with headings, help, an example and drop-downs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import facts_pb2, submission_pb2
from services.importing.column_aliases import ALIASES
from services.importing.field_values import enum_choices, is_amount, is_day, is_share
from services.importing.headings import CLAIM_COLUMNS, EVIDENCE_COLUMNS, columns, fact_columns
from services.importing.submission_rows import EXAMPLE_ID
from services.importing.texts import text
from services.importing.xlsx_book import new_book
from services.texts import Lang

ROWS = 5_000
"""Number of rows that have drop-downs."""
LISTS = "lists"
"""Hidden sheet with the choices of drop-downs; Excel limits a list in a rule to 255 characters."""
WIDTH = 22
EXAMPLES = {
    "record_id": EXAMPLE_ID,
    "share_ppm": "100%",
    "unit_id": "vnu/hus",
    "evidence_file": "minh-chung.pdf",
    "evidence_sha256": "0" * 64,
    "doi": "10.5555/example",
    "quartile_source": "scimago",
    "quartile_year": "2024",
    "tax_code": "0100233488",
    "person_id": "0000-0002-1825-0097",
    "issn": "1234-5679",
    "country": "VN",
    "office": "VN",
    "trl": "7",
}
TOLD = ("record_id", "unit_id", "action", "evidence_file", "evidence_sha256")
"""Columns with a help text of their own."""


def write(path: Path, type_name: str, lang: Lang, units: Sequence[str] = ()) -> None:
    """Write a template, which can be filled in and imported without further changes.

    Its second row is an example, which an import skips.

    Args:
        path: the .xlsx file; replaced if it exists.
        type_name: submission type.
        lang: language of headings and help.
        units: ids of units for the drop-down; if empty, there is no drop-down for units.
    """
    choices, needed = _choices(type_name, units), required(type_name)
    with new_book(path, strings_to_numbers=False) as book:
        sheet = book.add_worksheet(type_name)
        lists = book.add_worksheet(LISTS)
        lists.hide()
        bold = book.add_format({"bold": True, "bottom": 1, "num_format": "@"})
        plain = book.add_format({"num_format": "@"})
        grey = book.add_format({"num_format": "@", "italic": True, "font_color": "#808080"})
        number = book.add_format({"num_format": "#,##0"})
        fields = _fields(type_name)
        for at, name in enumerate(columns(type_name)):
            field = fields.get(name)
            is_number = field is not None and (is_amount(field) or _is_count(field))
            sheet.set_column(at, at, WIDTH, number if is_number else plain)
            mark = " *" if name in needed else ""
            sheet.write_string(0, at, heading(name, lang) + mark, bold)
            sheet.write_string(1, at, _example(name, field, choices), grey)
            told = help_text(name, field, lang, name in needed)
            sheet.write_comment(0, at, told, {"x_scale": 2})
            if name in choices:
                lists.write_column(0, at, choices[name])
                last = len(choices[name])
                source = f"={LISTS}!{_column(at)}$1:{_column(at)}${last}"
                rule = {"validate": "list", "source": source, "error_type": "warning"}
                sheet.data_validation(1, at, ROWS, at, rule)
        sheet.freeze_panes(1, 1)


def heading(name: str, lang: Lang) -> str:
    """Return the heading of a column: in Vietnamese its first alias, if any, else its name."""
    aliases = ALIASES.get(name, ())
    return aliases[0] if lang is Lang.vi and aliases else name


def required(type_name: str) -> set[str]:
    """Return the names of the columns that every row must fill in.

    Of the two columns of evidence only the file is among them; a SHA-256 may replace it.
    """
    # Imported here, because only a template checks the rules of the contract by itself.
    import protovalidate

    facts = facts_pb2.Facts()
    getattr(facts, type_name).SetInParent()
    found = protovalidate.collect_violations(facts)
    paths = (each.proto.field for each in found)
    missing = {path.elements[-1].field_name for path in paths if path is not None}
    needed = {name for name, field in fact_columns(type_name).items() if field.name in missing}
    return {"record_id", "unit_id", EVIDENCE_COLUMNS[0]} | needed


def help_text(name: str, field: FieldDescriptor | None, lang: Lang, is_needed: bool) -> str:
    """Return the help text of a column: its name, and on further lines what to write in it.

    Args:
        name: the column.
        field: the protobuf field that it fills, whose type decides the text; None if there is none.
        lang: language of the text.
        is_needed: whether every row must fill in the column, which the text then says.
    """
    told = text(lang.value, f"template.{name if name in TOLD else _kind(field)}", {})
    if is_needed and name not in TOLD:
        told = f"{text(lang.value, 'template.required', {})} {told}"
    return f"{name}\n{told}"


def _example(name: str, field: FieldDescriptor | None, choices: Mapping[str, Sequence[str]]) -> str:
    by_kind = {"day": "2025-03-31", "amount": "1500000", "count": "1", "text": ""}
    known = EXAMPLES.get(name) or by_kind.get(_kind(field), "")
    return known if name not in choices or name == "unit_id" else next(iter(choices[name]), "")


def _kind(field: FieldDescriptor | None) -> str:
    if field is None:
        return "text"
    if field.is_repeated:
        return "list"
    if field.enum_type is not None or field.type == FieldDescriptor.TYPE_BOOL:
        return "choice"
    if is_day(field):
        return "day"
    if is_amount(field):
        return "amount"
    # Its column has texts, because a spreadsheet turns 50% into 0.5, which may be half a per cent.
    if is_share(field):
        return "share"
    return "count" if _is_count(field) else "text"


def _is_count(field: FieldDescriptor) -> bool:
    return field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64)


def _fields(type_name: str) -> dict[str, FieldDescriptor]:
    claim = submission_pb2.Content.DESCRIPTOR.fields_by_name
    return {name: claim[name] for name in CLAIM_COLUMNS} | fact_columns(type_name)


def _choices(type_name: str, units: Sequence[str]) -> Mapping[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {"action": ["import", "withdraw"]}
    for name, field in _fields(type_name).items():
        if field.is_repeated:
            continue
        if field.enum_type is not None:
            found[name] = list(enum_choices(field))
        elif field.type == FieldDescriptor.TYPE_BOOL:
            found[name] = ["true", "false"]
    return {**found, "unit_id": units} if units else found


def _column(at: int) -> Any:
    return f"${xlsxwriter.utility.xl_col_to_name(at)}"
