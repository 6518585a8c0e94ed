"""Turns rows of a table into submissions: pure, and generic over the contract's messages.

Columns are field names of the facts of one type, plus those of the claim itself. A row that cannot
be read says which column is wrong; rules about values that are readable belong to the service.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from kieng.submissions.v1 import facts_pb2, import_service_pb2, submission_pb2
from services.cli.files.column_aliases import ALIASES

TYPES: dict[str, Descriptor] = {
    field.name: field.message_type
    for field in facts_pb2.Facts.DESCRIPTOR.fields
    if field.message_type is not None
}
"""Submission types -> descriptor of their facts."""

CLAIM_COLUMNS = ("unit_id", "part", "share_ppm", "source")
EVIDENCE_COLUMNS = ("evidence_sha256", "evidence_title", "evidence_uri")
ROW_COLUMNS = ("record_id", "action", "reason")
SERVER_FIELDS = {"partner_id"}
"""Fields of facts that the server fills in; a file has no column for them."""

RENAMED = {("rd_funding", "source"): "funding_source"}
"""Facts fields that have the name of a column of the claim -> the column they have instead."""

DEFAULT_EVIDENCE_TITLE = "evidence"
TRUE = {"true", "1", "yes", "y", "x", "co", "đúng", "có", "dung"}
FALSE = {"", "false", "0", "no", "n", "khong", "không", "sai"}
WITHDRAW = {"withdraw", "rut", "rút"}
FRACTION = re.compile(r"-?\d+[.,]\d+")
DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class CellWrong(ValueError):
    """One cell cannot be read.

    Args:
        problem: key of the texts that describe the problem and its remedy.
        values: what the text names.
    """

    def __init__(self, problem: str, **values: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.values = values


class HeaderWrong(ValueError):
    """A column is unknown, missing or duplicated; the message names it."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that is not sent: its number in the file, the column and what is wrong there."""

    row: int
    column: str
    problem: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds: requests in the order of rows, and the rows that cannot be read."""

    requests: Sequence[import_service_pb2.ImportSubmissionsRequest]
    wrong: Sequence[Wrong]


def fact_columns(type_name: str) -> dict[str, FieldDescriptor]:
    """Return the columns of a type: name -> field of its facts."""
    return {
        RENAMED.get((type_name, field.name), field.name): field
        for field in TYPES[type_name].fields
        if field.name not in SERVER_FIELDS
    }


def columns(type_name: str) -> list[str]:
    """Return every column that a file of a type may have."""
    return [*ROW_COLUMNS, *CLAIM_COLUMNS, *fact_columns(type_name), *EVIDENCE_COLUMNS]


def slug(text: str) -> str:
    """Return a header without case, diacritics and punctuation: `Mã bản ghi` -> `ma_ban_ghi`."""
    plain = unicodedata.normalize("NFD", text.strip().lower()).replace("đ", "d")
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")


def read_header(type_name: str, header: Sequence[str]) -> list[str]:
    """Return the columns of a header row; empty texts for columns without a heading.

    Raises:
        HeaderWrong: a heading is unknown or duplicated, or a required one is missing.
    """
    known = columns(type_name)
    meanings = {slug(alias): name for name in known for alias in (name, *ALIASES.get(name, ()))}
    found = [meanings.get(slug(heading), "") for heading in header]
    for heading, name in zip(header, found, strict=True):
        if heading.strip() and not name:
            close = get_close_matches(slug(heading), list(meanings), n=1)
            hint = f"did you mean {meanings[close[0]]}?" if close else ""
            text = f"unknown column {heading.strip()!r} for {type_name}; {hint}"
            raise HeaderWrong(text + f" Known are: {', '.join(known)}")
    named = [name for name in found if name]
    for name in named:
        if named.count(name) > 1:
            raise HeaderWrong(f"column {name} is there twice")
    if missing := [name for name in ("record_id", "unit_id") if name not in named]:
        raise HeaderWrong(f"column {', '.join(missing)} is missing")
    return found


def parse(
    type_name: str, header: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], system: str
) -> Parsed:
    """Read a table.

    Args:
        type_name: submission type of every row.
        header: headings.
        rows: number in the file and cells of each row; rows without any text are skipped.
        system: name of the system that the records are of.

    Raises:
        HeaderWrong: see `read_header`.
    """
    names = read_header(type_name, header)
    requests, wrong, seen = [], [], dict[str, int]()
    for number, cells in rows:
        texts = (unicodedata.normalize("NFC", cell).strip() for cell in cells)
        row = {name: text for name, text in zip(names, texts, strict=False) if name}
        if not any(row.values()):
            continue
        mistakes = list(_record_mistakes(row, number, seen))
        request = import_service_pb2.ImportSubmissionsRequest(row=number)
        request.source_record.system = system
        request.source_record.record_id = row["record_id"]
        request.reason = row.get("reason", "")
        if slug(row.get("action", "")) not in {slug(word) for word in WITHDRAW}:
            mistakes += _fill_content(request.content, type_name, row, number)
        requests += [] if mistakes else [request]
        wrong += mistakes
    return Parsed(requests, wrong)


def content(type_name: str, row: Mapping[str, str]) -> submission_pb2.Content:
    """Read one claim from columns and texts, e.g. of a command line.

    Raises:
        CellWrong: of the first column that is wrong.
        HeaderWrong: a column is unknown.
    """
    read_header(type_name, [*row, "record_id"])
    result = submission_pb2.Content()
    for mistake in _fill_content(result, type_name, row, 0):
        raise CellWrong(mistake.problem, column=mistake.column, **mistake.values)
    return result


def _record_mistakes(row: Mapping[str, str], number: int, seen: dict[str, int]) -> Iterator[Wrong]:
    record_id, action = row["record_id"], row.get("action", "")
    if not record_id:
        yield Wrong(number, "record_id", "cell.missing", {})
    elif (first := seen.setdefault(record_id, number)) != number:
        yield Wrong(number, "record_id", "cell.twice", {"row": str(first)})
    if slug(action) not in {"", "import", "upsert", *(slug(word) for word in WITHDRAW)}:
        yield Wrong(number, "action", "cell.choice", {"choices": "import, withdraw"})


def _fill_content(
    result: submission_pb2.Content, type_name: str, row: Mapping[str, str], number: int
) -> list[Wrong]:
    facts = getattr(result.facts, type_name)
    facts.SetInParent()
    claim = submission_pb2.Content.DESCRIPTOR.fields_by_name
    targets = [(name, result, claim[name]) for name in CLAIM_COLUMNS]
    targets += [(name, facts, field) for name, field in fact_columns(type_name).items()]
    mistakes = []
    for name, message, field in targets:
        try:
            _set(message, field, row.get(name, ""))
        except CellWrong as error:
            mistakes.append(Wrong(number, name, error.problem, error.values))
    result.evidence.extend(_evidence(row))
    return mistakes


def _evidence(row: Mapping[str, str]) -> Iterator[submission_pb2.Evidence]:
    titles, uris = (split(row.get(name, "")) for name in ("evidence_title", "evidence_uri"))
    for index, sha256 in enumerate(split(row.get("evidence_sha256", ""))):
        yield submission_pb2.Evidence(
            sha256=sha256.lower(),
            title=titles[index] if index < len(titles) else DEFAULT_EVIDENCE_TITLE,
            uri=uris[index] if index < len(uris) else "",
        )


def split(text: str) -> list[str]:
    """Return the items of a list in one cell."""
    return [item.strip() for item in text.split("|") if item.strip()]


def _set(message: Any, field: FieldDescriptor, text: str) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(_value(field, item) for item in split(text))
    elif text or field.type == FieldDescriptor.TYPE_BOOL:
        setattr(message, field.name, _value(field, text))


def _value(field: FieldDescriptor, text: str) -> Any:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _boolean(text)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _choice(field, text)
    if field.type == FieldDescriptor.TYPE_STRING:
        if field.name.endswith("_vnd"):
            return _amount(text)
        return _day(text) if field.name.endswith("_on") else text
    if not re.fullmatch(r"\d{1,9}", text):
        raise CellWrong("cell.number", text=text)
    return int(text)


def _boolean(text: str) -> bool:
    if text.casefold() in TRUE:
        return True
    if text.casefold() in FALSE:
        return False
    raise CellWrong("cell.boolean", text=text)


def _choice(field: FieldDescriptor, text: str) -> int:
    choices = enum_choices(field)
    name = slug(text)
    if name not in choices:
        raise CellWrong("cell.choice", choices=", ".join(choices))
    return choices[name]


def enum_choices(field: FieldDescriptor) -> dict[str, int]:
    """Return the values of an enum field by the names that files use: lower case, no prefix."""
    assert field.enum_type is not None
    prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    values = ((v.name.removeprefix(prefix).lower(), v.number) for v in field.enum_type.values)
    return {name: number for name, number in values if number}


def _amount(text: str) -> str:
    if re.fullmatch(r"\d+", text):
        return str(int(text))
    # 1.500 may be fifteen hundred or one and a half: a guess may be wrong by a thousand.
    raise CellWrong("cell.fraction" if FRACTION.fullmatch(text) else "cell.amount", text=text)


def _day(text: str) -> str:
    if found := DAY_FIRST.fullmatch(text):
        text = f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise CellWrong("cell.day", text=text) from None


def descriptor_of(type_name: str) -> Descriptor:
    """Return the descriptor of a type's facts.

    Raises:
        HeaderWrong: no such type.
    """
    if type_name not in TYPES:
        raise HeaderWrong(f"unknown type {type_name!r}; known are {', '.join(TYPES)}")
    return TYPES[type_name]
