"""Reads a file of submissions of one type: a table, or an export of a literature database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from services.importing import bibliographies, headings, spreadsheets, submission_rows
from services.importing.bibliographies import Completion, FieldMapping
from services.importing.errors import Unclear, Unreadable
from services.importing.evidence import ChosenEvidence, EvidenceFolder
from services.importing.headings import Chosen
from services.importing.spreadsheets import Table
from services.importing.unit_names import NO_UNITS, UnitNames
from services.importing.xlsx_file import WIDE, Limits

SUFFIXES = (".csv", ".xlsx", ".ris", ".bib", ".json")
"""Ends of the names of files whose source is known without being told."""
TABLE = "table"
PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class Reading:
    """The options with which a file of submissions is read.

    Args:
        type_name: submission type; if empty, the name of the file without its suffix, or
            `publication` for an export of a literature database.
        system: name of the system that the records come from.
        sheet: name of the sheet to read; if empty, the only one with a table.
        skip_hidden: whether to omit hidden rows.
        source: a source in `sources.toml`, or `table`; if empty, it is detected from the file.
        mapping: the user's field mapping, for a source that `sources.toml` lacks.
        completion: what an export does not contain.
        columns: heading of a table -> column, as the user chose; an empty column is ignored.
        limits: how much an XLSX file may contain.
        has_files: whether files that rows name as evidence may be read from the folder of the
            table; False for a table that somebody sent, which must not make this machine read its
            own files.
        units: the names by which rows may name units.
        chosen: name -> SHA-256 of the evidence files that somebody chose beside a table that was
            sent; not used with ``has_files``.
    """

    type_name: str = ""
    system: str = ""
    sheet: str = ""
    skip_hidden: bool = False
    source: str = ""
    mapping: FieldMapping | None = None
    completion: Completion = field(default_factory=Completion)
    columns: Chosen = field(default_factory=dict)
    limits: Limits = WIDE
    has_files: bool = False
    units: UnitNames = NO_UNITS
    chosen: Mapping[str, str] = field(default_factory=dict)


class HeadingsWrong(Unreadable):
    """Raised if the headings of a table do not fit its submission type. Its author's fault.

    Args:
        place: the file.
        problem: what is wrong and what to do about it, in one line.
        type_name: submission type.
        table: the table as it was read, from which the user can map the columns.
    """

    def __init__(self, place: Path, problem: str, type_name: str, table: Table) -> None:
        super().__init__(place, problem)
        self.type_name, self.table = type_name, table


def read(path: Path, reading: Reading) -> submission_rows.Parsed:
    """Return the submissions in a file, and the mistakes in the rows that cannot be read.

    Args:
        path: the file.
        reading: the options with which to read it.

    Raises:
        HeadingsWrong: a heading is unknown, missing or repeated. Its author's fault.
        Unreadable: the file cannot be read. Its author's fault.
        Unclear: the file does not exist, or the type, source or unit is missing or unknown. The
            user's fault.
    """
    if not path.is_file():
        raise Unclear(path, "no such file")
    is_told = bool(reading.source or reading.mapping)
    if not is_told and path.suffix.lower() not in SUFFIXES:
        raise Unclear(path, f"only {', '.join(SUFFIXES)} can be read")
    source = reading.source or (TABLE if reading.mapping else bibliographies.source_of(path))
    is_export = reading.mapping is not None or source not in ("", TABLE)
    type_name = reading.type_name or (PUBLICATION if is_export else path.stem)
    try:
        headings.descriptor_of(type_name)
    except headings.HeaderWrong as error:
        raise Unclear(path, str(error), "type") from error
    if is_export and type_name != PUBLICATION:
        raise Unclear(path, f"an export of {source} has publications, no {type_name}")
    table = _export(path, source, reading) if is_export else _table(path, type_name, reading)
    try:
        digest = (
            EvidenceFolder(path.parent) if reading.has_files else ChosenEvidence(reading.chosen)
        )
        asked = (reading.system, reading.columns, digest, reading.units)
        parsed = submission_rows.parse(type_name, table.header, table.rows, *asked)
        headings.need_dong(parsed.names, table.notes)
    except headings.HeaderWrong as error:
        raise HeadingsWrong(path, str(error), type_name, table) from error
    notices = [*table.notices, *parsed.notices]
    return replace(parsed, type_name=type_name, notices=notices, table=table)


def _table(path: Path, type_name: str, reading: Reading) -> Table:
    is_header = partial(headings.is_header, type_name, chosen=reading.columns)
    asked = (reading.sheet, reading.skip_hidden, reading.limits)
    return spreadsheets.read(path, is_header, *asked)


def _export(path: Path, source: str, reading: Reading) -> Table:
    known = bibliographies.known_sources()
    if reading.mapping is None and source not in known:
        raise Unclear("", f"unknown source {source!r}; known are {TABLE}, {', '.join(known)}")
    if not reading.completion.unit:
        raise Unclear(path, "whose publications are they? Name their unit, e.g. vnu/hus", "unit")
    return bibliographies.read(path, source, reading.mapping, reading.completion)
