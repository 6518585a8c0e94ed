"""The columns that files of each submission type may have, and how headings are recognised."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from kieng.submissions.v1 import facts_pb2
from services.importing import money
from services.importing.column_aliases import ALIASES

TYPES: dict[str, Descriptor] = {
    field.name: field.message_type
    for field in facts_pb2.Facts.DESCRIPTOR.fields
    if field.message_type is not None
}
"""Submission type -> protobuf descriptor of its facts."""

CLAIM_COLUMNS = ("unit_id", "part", "share_ppm", "source")
EVIDENCE_COLUMNS = ("evidence_file", "evidence_sha256", "evidence_title", "evidence_uri")
ROW_COLUMNS = ("record_id", "action", "reason")
SERVER_FIELDS = {"partner_id"}
"""Fields of facts that the server fills in; a file has no column for them."""

REFUSED_BECAUSE = ("refused_because", "Lý do bị từ chối")
"""Headings, in English and Vietnamese, of the column with the reasons in a file of refused rows.

The column is ignored when such a file is imported again.
"""

RENAMED = {("rd_funding", "source"): "funding_source"}
"""(Type, field) -> column, for facts whose field has the same name as a column of the claim."""


ORDINALS = {"stt", "tt", "so_tt", "so_thu_tu"}
"""Slugs of the headings of a column with row numbers, which is ignored."""
REMARK = re.compile(r"\s*\([^()]*\)\s*\*?$")


PERCENT = re.compile(r"%|per ?cent|phần trăm", re.IGNORECASE)
"""Matches in a heading that says that the numbers below are percentages."""
EVIDENCE = "evidence"
"""Name that services use for the evidence, which has several columns in a file."""
AMOUNT = "_vnd"
"""End of the names of columns with amounts of money."""
NOT_DONG = "says that amounts are not in dong; write whole dong, e.g. 1500000, and remove it"
LIKE = 0.75
"""Minimum similarity, from 0 to 1, of a heading and a column that is suggested for it."""
Chosen = Mapping[str, str]
"""Heading -> the column that the user chose for it; an empty column ignores the heading."""
NONE: Chosen = {}


class HeaderWrong(ValueError):
    """Raised if a submission type or a column is unknown, or a column is missing or repeated.

    The message names the type or column. The fault of the file's author.
    """


def descriptor_of(type_name: str) -> Descriptor:
    """Return the protobuf descriptor of the facts of a submission type.

    Raises:
        HeaderWrong: there is no such type. The caller's fault.
    """
    if type_name not in TYPES:
        raise HeaderWrong(f"unknown type {type_name!r}; known are {', '.join(TYPES)}")
    return TYPES[type_name]


@cache
def fact_columns(type_name: str) -> dict[str, FieldDescriptor]:
    """Return column -> protobuf field, for the columns that only this submission type has.

    These are the fields of the type's facts, in their order, except those that the server fills in.
    The type has to be known.
    """
    return {
        RENAMED.get((type_name, field.name), field.name): field
        for field in TYPES[type_name].fields
        if field.name not in SERVER_FIELDS
    }


def columns(type_name: str) -> list[str]:
    """Return the names of all columns that a file of a known submission type may have, in order.

    First come the columns of the row (`record_id`, ...), then those of the claim (`unit_id`, ...),
    of the type itself, and of the evidence.
    """
    return [*ROW_COLUMNS, *CLAIM_COLUMNS, *fact_columns(type_name), *EVIDENCE_COLUMNS]


@lru_cache(4096)
def slug(text: str) -> str:
    """Return a text in the form in which headings are compared: `ma_ban_ghi` for `Mã bản ghi`.

    It has lower-case letters without diacritics and digits, joined by underscores; empty if the
    text has neither letters nor digits.
    """
    plain = unicodedata.normalize("NFD", text.strip().lower()).replace("đ", "d")
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")


@cache
def _meanings(type_name: str) -> dict[str, str]:
    names = columns(type_name)
    return {slug(alias): name for name in names for alias in (name, *ALIASES.get(name, ()))}


def _meaning(meanings: Mapping[str, str], heading: str) -> str:
    """Return the column of a heading, with or without a remark as in `Tên (bắt buộc)`; else ""."""
    return meanings.get(slug(heading)) or meanings.get(slug(REMARK.sub("", heading)), "")


def _column(meanings: Mapping[str, str], heading: str, chosen: Chosen) -> str:
    return chosen[heading] if heading in chosen else _meaning(meanings, heading)


def is_percent(heading: str) -> bool:
    """Return True if a heading says that the numbers below it are percentages."""
    return PERCENT.search(heading) is not None


def heading_of(column: str, in_file: Mapping[str, str], lang: str) -> str:
    """Return the heading under which the author of a file finds a column.

    That is its heading in the file, else the one of a template in the author's language. For the
    evidence, which has several columns, it is the first that the file has. A position in brackets
    at the end of the column, e.g. `[2]`, is kept.

    Args:
        column: name of the column, as `refused_cells.column_of` returns it; may be empty.
        in_file: column -> its heading in the file.
        lang: `vi` or `en`.
    """
    name, bracket, place = column.partition("[")
    if name == EVIDENCE:
        first = EVIDENCE_COLUMNS[0]
        name = next((each for each in EVIDENCE_COLUMNS if each in in_file), first)
    aliases = ALIASES.get(name, ()) if lang == "vi" else ()
    return in_file.get(name, next(iter(aliases), name)) + bracket + place


def is_header(type_name: str, cells: Sequence[str], chosen: Chosen = NONE) -> bool:
    """Return True if a row contains the headings of a type: `record_id` and at least one more.

    Other cells of the row may be anything.

    Args:
        type_name: submission type.
        cells: texts of the row.
        chosen: heading -> column, as the user chose.
    """
    found = {_column(_meanings(type_name), cell, chosen) for cell in cells}
    return "record_id" in found and len(found - {""}) > 1


def suggested(type_name: str, header: Sequence[str]) -> list[str]:
    """Return, for each heading, the column that it means or resembles; empty where none is similar.

    Each column occurs at most once: for the heading that means it, else for the first that
    resembles it.

    Args:
        type_name: submission type.
        header: headings of the table.
    """
    meanings = _meanings(type_name)
    found = [_meaning(meanings, heading) for heading in header]
    for at, heading in enumerate(header):
        if not found[at] and (close := get_close_matches(slug(heading), list(meanings), 1, LIKE)):
            name = meanings[close[0]]
            found[at] = name if name not in found else ""
    return found


def read_header(type_name: str, header: Sequence[str], chosen: Chosen = NONE) -> list[str]:
    """Return the column that each heading of a table means; empty for a heading to ignore.

    Ignored are blank headings, row numbers (`STT`), the reasons in a file of refused rows, and
    those for which the user chose no column.

    Args:
        type_name: submission type.
        header: headings of the table.
        chosen: heading -> column, as the user chose; an empty column ignores the heading.

    Raises:
        HeaderWrong: a heading is unknown or of amounts that are not in dong, two mean the same
            column, or `record_id` or `unit_id` is missing. The fault of the file's author.
    """
    meanings = _meanings(type_name)
    unread = ORDINALS | {slug(heading) for heading in REFUSED_BECAUSE}
    found = [_column(meanings, heading, chosen) for heading in header]
    unread |= {slug(heading) for heading in chosen}
    for heading, name in zip(header, found, strict=True):
        if slug(heading) and slug(heading) not in unread and not name:
            raise HeaderWrong(_unknown(type_name, heading.strip(), header, found))
        if name.endswith(AMOUNT) and money.is_other(heading):
            raise HeaderWrong(f"{heading.strip()!r} {NOT_DONG}")
    named = [name for name in found if name]
    for name in named:
        if named.count(name) > 1:
            raise HeaderWrong(f"column {name} is there twice")
    if missing := [name for name in ("record_id", "unit_id") if name not in named]:
        raise HeaderWrong(f"column {', '.join(missing)} is missing")
    return found


def need_dong(names: Sequence[str], notes: Iterable[str]) -> None:
    """Check that no note beside a table says that its amounts are in another unit than dong.

    Args:
        names: columns of the table.
        notes: texts above the headings or just below, e.g. `Đơn vị tính: triệu đồng`.

    Raises:
        HeaderWrong: a note says so, and the table has amounts. The fault of the file's author.
    """
    if any(name.endswith(AMOUNT) for name in names) and (note := money.noted(notes)):
        raise HeaderWrong(f"{note!r} {NOT_DONG}")


def _unknown(type_name: str, heading: str, header: Sequence[str], found: Sequence[str]) -> str:
    """Return the message about an unknown heading, with a suggestion or the columns that are left.

    ``found`` has the column of each heading of the file; empty for a heading that is unknown.
    """
    said = f"unknown column {heading!r} for {type_name}"
    if others := [each for each in TYPES if _meaning(_meanings(each), heading)]:
        return f"{said}; it is one of {', '.join(others)}: is that the type?"
    if meant := _meant(type_name, heading):
        return f"{said}; did you mean {meant!r}?"
    left = [name for name in columns(type_name) if name not in found]
    if not all(each.isascii() for each in header):
        left = [next(iter(ALIASES.get(name, ())), name) for name in left]
    return f"{said}; there are also {', '.join(left)}"


def _meant(type_name: str, heading: str) -> str:
    """Return the known heading that a text resembles or, failing that, begins with; else ""."""
    names = columns(type_name)
    known = {slug(alias): alias for name in names for alias in (*ALIASES.get(name, ()), name)}
    name = slug(REMARK.sub("", heading))
    if close := get_close_matches(name, list(known), 1, LIKE):
        return known[close[0]]
    begun = [each for each in known if name.startswith(f"{each}_")]
    return known[max(begun, key=len)] if begun else ""
