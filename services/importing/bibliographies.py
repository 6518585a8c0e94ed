"""Turns an export of a literature database into a table of publications.

A field mapping, from `sources.toml` or a file of the user, says which fields fill which columns.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

from services.importing import bibliography_formats, bibliography_process, csv_file, spreadsheets
from services.importing.bibliography_formats import Record
from services.importing.cells import Cell, cell_text
from services.importing.errors import Unclear
from services.importing.spreadsheets import Notice, Table

SUFFIXES = {".ris": "ris", ".bib": "bibtex"}
COLUMNS = ("record_id", "title", "doi", "issn", "issued_on")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2}))?(?:[-/](\d{1,2}))?/*")
MONTH_DAY = re.compile(r"([a-z]{3})[a-z]*\.?(?:[ ~](\d{1,2}))?", re.IGNORECASE)


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
    if unknown := set(mapping.columns) - {*COLUMNS, "date", "year", "month_day"}:
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
        records = [(n, _record(table.header, cells)) for n, cells in table.rows]
        used = {name for names in mapped.columns.values() for name in names}
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


def _record(header: Sequence[str], cells: Iterable[Cell]) -> Record:
    return dict(zip(header, map(cell_text, cells), strict=False))


def _publication(mapped: FieldMapping, record: Record, completion: Completion) -> list[str]:
    record_id, title, doi, issn = (mapped.value(record, name) for name in COLUMNS[:-1])
    issued_on = _date(mapped, record, completion.month_day)
    # Publishers deposit titles with the escapes of their web pages: R&amp;D.
    return [record_id, " ".join(unescape(title).split()), doi, _issn(issn), issued_on]


def _issn(text: str) -> str:
    """Return the first ISSN in a text, with the hyphen that Scopus omits; else the text itself."""
    found = re.search(r"(\d{4})-?(\d{3}[\dXx])", text)
    return f"{found[1]}-{found[2].upper()}" if found else text


def _date(mapped: FieldMapping, record: Record, month_day: str) -> str:
    """Return the date of a publication, completed by ``month_day`` if it is incomplete.

    Without ``month_day`` an incomplete date is returned as it is, and the row is refused later.
    """
    texts = [mapped.value(record, name) for name in ("date", "year")]
    found = [match for match in map(DATE.fullmatch, texts) if match]
    if not found:
        return " ".join(filter(None, texts))
    year, month, day = max(found, key=lambda match: sum(map(bool, match.groups()))).groups()
    named = MONTH_DAY.fullmatch(mapped.value(record, "month_day"))
    if not month and named and named[1].lower() in MONTHS:
        month, day = str(MONTHS.index(named[1].lower()) + 1), named[2]
    if month and day:
        return f"{year}-{int(month):02d}-{int(day):02d}"
    if not month_day:
        return f"{year}-{int(month):02d}" if month else str(year)
    return f"{year}-{int(month):02d}-{month_day[3:]}" if month else f"{year}-{month_day}"
