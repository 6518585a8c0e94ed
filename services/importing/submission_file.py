"""Reads a file of submissions of one type: a table, or an export of a literature database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from services.importing import bibliographies, headings, spreadsheets, submission_rows
from services.importing.bibliographies import Completion, FieldMapping
from services.importing.errors import Unclear, Unreadable
from services.importing.evidence import EvidenceFolder, no_files
from services.importing.headings import Chosen
from services.importing.spreadsheets import Table
from services.importing.xlsx_file import WIDE, Limits

TABLE = "table"
PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file of submissions is to be read.

    Args:
        type_name: submission type; if empty, the name of the file, or `publication` for an export.
        system: name of the system that the records come from.
        sheet: name of the sheet to read; if empty, the only one with a table.
        skip_hidden: whether to omit hidden rows.
        source: source in `sources.toml`, or `table`; if empty, it is recognised from the file.
        mapping: mapping of the user, for a source that `sources.toml` lacks.
        completion: what an export lacks.
        columns: heading of a table -> column, where the user knows better; empty ignores it.
        limits: how much an XLSX file may hold.
        has_files: whether the files lie beside the table that its rows name as evidence; False for
            a table that somebody sent, which must not have files of this machine read.
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


class HeadingsWrong(Unreadable):
    """Raised if the headings of a table are not those of its type; has the table.

    Args:
        place: the file.
        problem: what is wrong and what to do about it, in one line.
        type_name: submission type.
        table: the table as it was read.
    """

    def __init__(self, place: Path, problem: str, type_name: str, table: Table) -> None:
        super().__init__(place, problem)
        self.type_name, self.table = type_name, table


def read(path: Path, reading: Reading) -> submission_rows.Parsed:
    """Return the submissions in a file, and the rows that cannot be read.

    Raises:
        HeadingsWrong: a heading is unknown, missing or there twice.
        Unreadable: the file cannot be read, or its type or source is not valid.
    """
    if not path.is_file():
        raise Unclear(path, "no such file")
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
        digest = EvidenceFolder(path.parent) if reading.has_files else no_files
        asked = (reading.system, reading.columns, digest)
        parsed = submission_rows.parse(type_name, table.header, table.rows, *asked)
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
