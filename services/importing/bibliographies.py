"""Turns an export of a literature database into a table of publications.

A field mapping, from `sources.toml` or a file of the user, says which fields fill which columns.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

from stdnum import issn

from services.importing import (
    bibliography_formats,
    bibliography_process,
    csv_file,
    spreadsheets,
    written_dates,
)
from services.importing.bibliography_formats import Record
from services.importing.cells import Cell
from services.importing.errors import Unclear
from services.importing.spreadsheets import Notice, Table

SUFFIXES = {".ris": "ris", ".bib": "bibtex"}
COLUMNS = ("record_id", "title", "doi", "issn", "issued_on")
DATE_COLUMNS = ("date", "year", "month_day", "day")
"""Columns of a field mapping from which the date of a publication is made."""
ISSN = re.compile(r"(?<![\w-])(\d{4})-?(\d{3}[\dXx])(?![\w-])")
ONLY_DIGITS = re.compile(r"\d{4,6}[\dXx]")
ISBN = re.compile(r"(?<!\d)(?:97[89][- ]?)?(?:\d[- ]?){9}[\dXx](?!\d)")
# Publishers deposit titles with the tags of their web pages.
TAG = re.compile(
    r"</?(?:jats:)?(?:i|b|u|em|strong|italic|bold|sub|sup|sc|scp|inf|tt|span)>", re.IGNORECASE
)
OF_THIS_YEAR = re.compile(r"\d{4}-(?=\d\d-\d\d)")
"""Matches in `MAR 31` as a spreadsheet changed it: it took the year in which it was opened."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which fields of a source (a literature database) fill which columns of the table.

    That is the table of publications, see `COLUMNS`. `sources.toml` has a mapping for each known
    source.

    Args:
        columns: column -> names of the fields to try, in order of preference.
        fixed: column -> the value that it has in every row.
        detect: headings by which a CSV file of this source is recognised, all of which it has;
            empty if it cannot be recognised.
    """

    columns: Mapping[str, Sequence[str]]
    fixed: Mapping[str, str] = field(default_factory=dict)
    detect: Sequence[str] = ()

    def value(self, record: Record, column: str) -> str:
        """Return the text of the first field mapped to a column that is not blank.

        It has no outer blanks. It is empty if the record has no such field, or if no field is
        mapped to the column.

        Args:
            record: field of the source -> text.
            column: a column of the table of publications.
        """
        found = (record.get(name, "").strip() for name in self.columns.get(column, ()))
        return next(filter(None, found), "")


@dataclass(frozen=True, slots=True)
class Completion:
    """What an export of a literature database lacks, so the user has to supply it.

    Args:
        unit: id of the unit that claims all publications, e.g. `vnu/hus`; if it is empty, the table
            has no column for the unit.
        month_day: `MM-DD` that completes dates without month or day; if it is empty, such dates are
            left incomplete, and their rows are refused later.
    """

    unit: str = ""
    month_day: str = ""


@cache
def known_sources() -> Mapping[str, FieldMapping]:
    """Return name of a source -> its field mapping, for every source in `sources.toml`."""
    text = files("services.importing").joinpath("sources.toml").read_text(encoding="utf-8")
    return {name: _mapped(table) for name, table in tomllib.loads(text).items()}


def read_mapping(path: Path) -> FieldMapping:
    """Return the field mapping in a user's TOML file.

    Args:
        path: the file; it has the keys of one table of `sources.toml`.

    Raises:
        Unclear: the file cannot be read, is not TOML, or has an unknown column. Its author's fault.
    """
    try:
        mapping = _mapped(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Unclear(path, str(error)) from error
    if unknown := set(mapping.columns) - {*COLUMNS, *DATE_COLUMNS}:
        raise Unclear(path, f"unknown columns {', '.join(sorted(unknown))}")
    return mapping


def source_of(path: Path) -> str:
    """Return the name of the source that exported a file, e.g. `crossref`.

    The suffix decides for RIS and BibTeX, the content for JSON, and the headings for CSV. The
    result is empty for a CSV file with the headings of no known source, which may be a table of
    submissions, for a CSV file that does not exist, and for any other suffix.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        text = path.read_text(encoding="utf-8", errors="replace")[:2000] if path.is_file() else ""
        return "datacite" if '"attributes"' in text else "crossref"
    if suffix != ".csv" or not path.is_file():
        return SUFFIXES.get(suffix, "")
    header = set(next(iter(csv_file.rows(path)), ()))
    sources = known_sources().items()
    return next((name for name, each in sources if each.detect and header >= {*each.detect}), "")


def read(path: Path, source: str, mapping: FieldMapping | None, completion: Completion) -> Table:
    """Return an export as a table of publications, one row per record and in its order.

    The SHA-256 of the file itself becomes the evidence of every row. Fields of a CSV or XLSX file
    that the mapping does not use are named in a notice of the table.

    Args:
        path: the exported file.
        source: a key of `known_sources`; any text if a mapping is given.
        mapping: the user's field mapping; None to use that of the known source.
        completion: what the export does not contain.

    Raises:
        KeyError: no mapping is given and the source is unknown. The caller's fault.
        Unreadable: the file is not in the format of the source. Its author's fault.
    """
    mapped = mapping or known_sources()[source]
    unread: list[str] = []
    if source in bibliography_formats.READERS:
        records = list(enumerate(bibliography_process.records(path, source), start=1))
    else:
        table = spreadsheets.read(path)
        used = {name for names in mapped.columns.values() for name in names}
        records = list(spreadsheets.records(path, table, used))
        unread = [name for name in table.header if name and name not in used]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    proof = {"evidence_sha256": digest, "evidence_title": path.name, "unit_id": completion.unit}
    same = {**mapped.fixed, **{name: text for name, text in proof.items() if text}}
    rows: list[tuple[int, list[Cell]]] = [
        (number, [*_publication(mapped, record, completion), *same.values()])
        for number, record in records
    ]
    notices = [Notice("import.columns_unread", {"columns": ", ".join(unread)})] if unread else []
    return Table([*COLUMNS, *same], rows, notices)


def _mapped(table: Mapping[str, Any]) -> FieldMapping:
    columns = {name: names for name, names in table.items() if name not in ("fixed", "detect")}
    return FieldMapping(columns, table.get("fixed", {}), table.get("detect", ()))


def _publication(mapped: FieldMapping, record: Record, completion: Completion) -> list[str]:
    record_id, title, doi, serial = (mapped.value(record, name) for name in COLUMNS[:-1])
    date, year, month, day = (mapped.value(record, name) for name in DATE_COLUMNS)
    of_parts = f"{year} {OF_THIS_YEAR.sub('', month) if year else month} {day}".strip()
    issued_on = written_dates.day_of([date, of_parts], completion.month_day)
    plain = TAG.sub("", unescape(title))
    return [record_id, " ".join(plain.split()), doi, _issn(serial), issued_on]


def _issn(text: str) -> str:
    """Return the first ISSN in a text, with the hyphen that Scopus omits; else the text itself.

    It is empty for the ISBN of a book, and has the zeros that a spreadsheet removed.
    """
    if found := ISSN.search(text):
        return f"{found[1]}-{found[2].upper()}"
    if ISBN.search(text):
        return ""
    filled = text.zfill(8)
    return _issn(filled) if ONLY_DIGITS.fullmatch(text) and issn.is_valid(filled) else text
