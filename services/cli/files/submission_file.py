"""Reads a file of submissions of one type: a table, or an export of a literature database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from services.cli.errors import USAGE, Failure
from services.cli.files import bibliographies, headings, spreadsheets, submission_rows
from services.cli.files.bibliographies import Completion, FieldMapping
from services.cli.files.spreadsheets import Table

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
    """

    type_name: str = ""
    system: str = ""
    sheet: str = ""
    skip_hidden: bool = False
    source: str = ""
    mapping: FieldMapping | None = None
    completion: Completion = field(default_factory=Completion)


def read(path: Path, reading: Reading) -> submission_rows.Parsed:
    """Return the submissions in a file, and the rows that cannot be read.

    Raises:
        Failure: the file cannot be read, or its type, source or headings are not valid.
    """
    if not path.is_file():
        raise Failure(f"{path}: no such file", USAGE)
    source = reading.source or (TABLE if reading.mapping else bibliographies.source_of(path))
    is_export = reading.mapping is not None or source not in ("", TABLE)
    type_name = reading.type_name or (PUBLICATION if is_export else path.stem)
    try:
        headings.descriptor_of(type_name)
    except headings.HeaderWrong as error:
        raise Failure(f"{path}: {error}. Give it with --type", USAGE) from error
    if is_export and type_name != PUBLICATION:
        raise Failure(f"{path}: an export of {source} has publications, no {type_name}", USAGE)
    table = _export(path, source, reading) if is_export else _table(path, type_name, reading)
    try:
        parsed = submission_rows.parse(type_name, table.header, table.rows, reading.system)
    except headings.HeaderWrong as error:
        raise Failure(f"{path}: {error}") from error
    return replace(parsed, notices=[*table.notices, *parsed.notices], table=table)


def _table(path: Path, type_name: str, reading: Reading) -> Table:
    is_header = partial(headings.is_header, type_name)
    return spreadsheets.read(path, is_header, reading.sheet, reading.skip_hidden)


def _export(path: Path, source: str, reading: Reading) -> Table:
    known = bibliographies.known_sources()
    if reading.mapping is None and source not in known:
        raise Failure(f"unknown source {source!r}; known are {TABLE}, {', '.join(known)}", USAGE)
    if not reading.completion.unit:
        raise Failure(f"{path}: whose publications are they? Give --unit, e.g. vnu/hus", USAGE)
    return bibliographies.read(path, source, reading.mapping, reading.completion)
