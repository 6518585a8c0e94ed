"""Turns rows of a table into import requests, for every submission type. Pure.

The columns are the fields of the claim and of the facts of its type. Cells that cannot be read are
reported by row and column; whether readable values are valid is for the service to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.importing.cells import (
    Cell,
    UnreadableCell,
    are_column_numbers,
    cell_text,
    trouble_of_text,
    trouble_of_words,
)
from services.importing.date_order import DateOrder
from services.importing.evidence import Digest, no_files
from services.importing.field_values import CellWrong
from services.importing.headings import (
    EVIDENCE,
    EVIDENCE_COLUMNS,
    NONE,
    Chosen,
    slug,
)
from services.importing.kept_requests import KeptRequests
from services.importing.row_columns import Columns, Wrong
from services.importing.spreadsheets import Notice, Table, is_too_wide
from services.importing.unit_names import NO_UNITS, UnitNames
from services.kernel.folding import with_plain_dashes

WITHDRAW = {"withdraw", "rut"}
"""Slugs of the texts in column `action` that withdraw a record."""
ACTIONS = {"", "import", "upsert"} | WITHDRAW
MONTH_FIRST = re.compile(r"\bmm ?[-/.] ?dd\b", re.IGNORECASE)
"""Matches in a heading that says how its dates are written, as `Received on (MM/DD/YYYY)`."""
CHECKED = "#row {}"
"""Record id of a row in ``Parsed.unread``, so that it stands for no record that exists."""
EXAMPLE_ID = "#example"
"""Record id of the example row in a template, which is skipped."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file contains: requests in the order of its rows, and mistakes in unreadable rows.

    ``notices`` tell what was skipped; ``table`` is the table that was read and ``type_name`` the
    submission type of its rows; ``names`` has the column of each heading, empty for an ignored one;
    ``refused`` maps the number of each row with a wrong cell to its record id, empty if it has
    none. ``unread`` are the requests that such rows would make without their wrong cells, to be
    tried for further mistakes but never to be imported; see `further`.
    """

    requests: KeptRequests
    wrong: Sequence[Wrong]
    notices: Sequence[Notice] = field(default=())
    table: Table = field(default_factory=lambda: Table([], []))
    names: Sequence[str] = field(default=())
    type_name: str = ""
    refused: Mapping[int, str] = field(default_factory=dict)
    unread: KeptRequests = field(default_factory=KeptRequests)

    def further(self, row: int, columns: Iterable[str]) -> set[str]:
        """Return which of the columns of a refused row are not known to be wrong yet.

        Args:
            row: number of a row in ``unread``.
            columns: columns, in the form of `refused_cells.column_of`, that a service refused; an
                empty one is that of the whole row.
        """
        known = {each.column for each in self.wrong if each.row == row}
        if known & set(EVIDENCE_COLUMNS):
            known |= {EVIDENCE, *EVIDENCE_COLUMNS}
        return {each for each in columns if each.partition("[")[0] not in known}


def parse(
    type_name: str,
    header: Sequence[str],
    rows: Iterable[tuple[int, Sequence[Cell]]],
    system: str,
    chosen: Chosen = NONE,
    digest: Digest = no_files,
    units: UnitNames = NO_UNITS,
) -> Parsed:
    """Return the import requests that the rows of a table make, and the mistakes in the other rows.

    Blank rows, the example row of a template and rows of totals are skipped.

    Args:
        type_name: submission type of every row.
        header: headings of the table.
        rows: number in the file and cells of each row; can be iterated over again.
        system: name of the system that the records come from.
        chosen: heading -> column, as the user chose; an empty column is ignored.
        digest: returns the SHA-256 of a file that a row names as evidence.
        units: the names by which rows may name units.

    Raises:
        HeaderWrong: the headings are not valid; see `read_header`.
    """
    columns = Columns(type_name, header, chosen, digest, units)
    said = ((name, header[at].strip()) for at, name in columns.days.items())
    order = DateOrder({name: text for name, text in said if MONTH_FIRST.search(text)})
    parsed = _parsed(columns, rows, system, order)
    # The order of dates is known only after the last row, so few files need a second pass.
    return _parsed(columns, rows, system, order, True) if order.is_doubtful else parsed


def _parsed(
    columns: Columns,
    rows: Iterable[tuple[int, Sequence[Cell]]],
    system: str,
    order: DateOrder,
    is_known: bool = False,
) -> Parsed:
    """Parse all rows in one pass, by the order of dates if it is known; else collect it."""
    requests, wrong, seen, totals = KeptRequests(), list[Wrong](), dict[str, int](), 0
    refused, unread = dict[int, str](), KeptRequests()
    for number, cells in rows:
        if not is_known:
            order.look_at(columns.days, cells)
        record_id = columns.text(cells, "record_id")
        if EXAMPLE_ID in cells or (not record_id and columns.are_blank(cells)):
            continue
        if columns.has_sums(cells, record_id) or are_column_numbers(cells):
            totals += 1
            continue
        if len(cells) != columns.width and (shifted := _width_mistakes(columns, cells, number)):
            wrong += shifted
            continue
        action = slug(text) if (text := columns.text(cells, "action")) else ""
        mistakes = _record_mistakes(columns.cell(cells, "record_id"), record_id, number, seen)
        mistakes += _action_mistakes(action, number)
        request = ImportSubmissionsRequest(row=number, reason=columns.text(cells, "reason"))
        source = request.source_record
        source.system, source.record_id = system, record_id
        if action not in WITHDRAW:
            if is_known:
                mistakes += _order_mistakes(columns, cells, number, order)
            mistakes += columns.fill(request.content, cells, number)
        if mistakes:
            wrong += mistakes
            refused[number] = record_id
            if action not in WITHDRAW:
                # Beside the cells that cannot be read, a service looks for further mistakes.
                request.source_record.record_id = CHECKED.format(number)
                unread.append(request)
        else:
            requests.append(request)
    notices = [Notice("import.totals_skipped", {"rows": str(totals)})] if totals else []
    told = (requests, wrong, notices)
    return Parsed(*told, names=columns.names, refused=refused, unread=unread)


def content(type_name: str, row: Mapping[str, str]) -> submission_pb2.Content:
    """Return the content of one submission from column -> text, e.g. of a command line.

    Blank texts leave their fields unset; values that are required are not asked for, except the
    unit.

    Raises:
        CellWrong: a text cannot be read; the error names the first such column.
        HeaderWrong: a column is unknown, or the unit is missing.
    """
    columns = Columns(type_name, [*row, "record_id"])
    result = submission_pb2.Content()
    for mistake in columns.fill(result, [*row.values(), ""], 0):
        raise CellWrong(mistake.problem, column=mistake.column, **mistake.values)
    return result


def _width_mistakes(columns: Columns, cells: Sequence[Cell], number: int) -> list[Wrong]:
    """Return a mistake if a row lacks cells or has a text beyond the last heading, else none."""
    if not is_too_wide(cells, columns.header) and len(cells) > columns.width:
        return []
    values = {"cells": str(len(cells)), "headings": str(columns.width)}
    return [Wrong(number, "", "cell.width", values)]


def _order_mistakes(
    columns: Columns, cells: Sequence[Cell], number: int, order: DateOrder
) -> Iterator[Wrong]:
    row = {name: cell for name, cell in zip(columns.names, cells, strict=False) if name}
    for name, problem, proof in order.doubts(row):
        yield Wrong(number, name, problem, {"text": cell_text(row[name]), "proof": proof})


def _action_mistakes(action: str, number: int) -> list[Wrong]:
    choices = {"text": action, "choices": "import, withdraw"}
    return [] if action in ACTIONS else [Wrong(number, "action", "cell.choice", choices)]


def _record_mistakes(cell: Cell, record_id: str, number: int, seen: dict[str, int]) -> list[Wrong]:
    """Return what is wrong with the cell of a record id; ``record_id`` is its text."""
    if isinstance(cell, UnreadableCell):
        return [Wrong(number, "record_id", cell.problem, {"text": cell.text})]
    of_cell = "" if isinstance(cell, str) else trouble_of_text(cell)
    if problem := of_cell or trouble_of_words(record_id):
        return [Wrong(number, "record_id", problem, {"text": record_id})]
    if not record_id:
        return [Wrong(number, "record_id", "cell.missing", {})]
    # Ids that only look the same are one record, typed on another keyboard.
    known = record_id if record_id.isascii() else with_plain_dashes(record_id)
    if (first := seen.setdefault(known, number)) != number:
        return [Wrong(number, "record_id", "cell.twice", {"row": str(first)})]
    return []
