"""Turns rows of a table into import requests, for every submission type. Pure.

The columns are the fields of the claim and of the facts of its type. Cells that cannot be read are
reported by row and column; whether readable values are valid is for the service to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.importing.cells import (
    Cell,
    UnreadableCell,
    are_column_numbers,
    cell_text,
    has_text,
    trouble_of_text,
    trouble_of_words,
)
from services.importing.date_order import DateOrder
from services.importing.evidence import Digest, add_evidence, no_files
from services.importing.field_values import CellWrong, is_day, reader
from services.importing.headings import (
    CLAIM_COLUMNS,
    EVIDENCE_COLUMNS,
    NONE,
    Chosen,
    fact_columns,
    read_header,
    slug,
)
from services.importing.kept_requests import KeptRequests
from services.importing.spreadsheets import Notice, Table, is_too_wide
from services.kernel.folding import with_plain_dashes

WITHDRAW = {"withdraw", "rut"}
"""Slugs of the texts in column `action` that withdraw a record."""
ACTIONS = {"", "import", "upsert"} | WITHDRAW
TOTAL = re.compile(r"(?:tong|tong_cong|tong_so|cong|total|grand_total|sum)(?:_\d+(?:_[a-z]+)?)?")
"""Matches the slug of a text that marks a row of totals, e.g. `Tổng cộng: 3 bài`."""
TOTAL_BEGINS = "tcgsTCGS"

EXAMPLE_ID = "#example"
"""Record id of the example row in a template, which is skipped."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A mistake because of which a row is not sent to the service.

    ``row`` is its number in the file; ``column`` is empty if the whole row is wrong; ``problem`` is
    the key of a message, and ``values`` are the values of its placeholders.
    """

    row: int
    column: str
    problem: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file contains: requests in the order of its rows, and mistakes in unreadable rows.

    ``notices`` tell what was skipped; ``table`` is the table that was read and ``type_name`` the
    submission type of its rows; ``names`` has the column of each heading, empty for an ignored one;
    ``refused`` maps the number of each row with a wrong cell to its record id, empty if it has
    none.
    """

    requests: KeptRequests
    wrong: Sequence[Wrong]
    notices: Sequence[Notice] = field(default=())
    table: Table = field(default_factory=lambda: Table([], []))
    names: Sequence[str] = field(default=())
    type_name: str = ""
    refused: Mapping[int, str] = field(default_factory=dict)


def parse(
    type_name: str,
    header: Sequence[str],
    rows: Iterable[tuple[int, Sequence[Cell]]],
    system: str,
    chosen: Chosen = NONE,
    digest: Digest = no_files,
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

    Raises:
        HeaderWrong: the headings are not valid; see `read_header`.
    """
    columns = _Columns(type_name, header, chosen, digest)
    order = DateOrder()
    parsed = _parsed(columns, rows, system, order)
    # The order of dates is known only after the last row, so few files need a second pass.
    return _parsed(columns, rows, system, order) if order.is_doubtful else parsed


def _parsed(
    columns: _Columns, rows: Iterable[tuple[int, Sequence[Cell]]], system: str, order: DateOrder
) -> Parsed:
    """Parse all rows in one pass, by the known order of dates; if none is known, collect it."""
    requests, wrong, seen, totals = KeptRequests(), list[Wrong](), dict[str, int](), 0
    refused = dict[int, str]()
    is_known = order.is_doubtful
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
        if action not in ACTIONS:
            choices = {"text": action, "choices": "import, withdraw"}
            mistakes.append(Wrong(number, "action", "cell.choice", choices))
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
        else:
            requests.append(request)
    notices = [Notice("import.totals_skipped", {"rows": str(totals)})] if totals else []
    return Parsed(requests, wrong, notices, names=columns.names, refused=refused)


def content(type_name: str, row: Mapping[str, str]) -> submission_pb2.Content:
    """Return the content of one submission from column -> text, e.g. of a command line.

    Blank texts leave their fields unset; values that are required are not asked for, except the
    unit.

    Raises:
        CellWrong: a text cannot be read; the error names the first such column.
        HeaderWrong: a column is unknown, or the unit is missing.
    """
    columns = _Columns(type_name, [*row, "record_id"])
    result = submission_pb2.Content()
    for mistake in columns.fill(result, [*row.values(), ""], 0):
        raise CellWrong(mistake.problem, column=mistake.column, **mistake.values)
    return result


def _width_mistakes(columns: _Columns, cells: Sequence[Cell], number: int) -> list[Wrong]:
    """Return a mistake if a row lacks cells or has a text beyond the last heading, else none."""
    if not is_too_wide(cells, columns.header) and len(cells) > columns.width:
        return []
    values = {"cells": str(len(cells)), "headings": str(columns.width)}
    return [Wrong(number, "", "cell.width", values)]


def _order_mistakes(
    columns: _Columns, cells: Sequence[Cell], number: int, order: DateOrder
) -> Iterator[Wrong]:
    row = {name: cell for name, cell in zip(columns.names, cells, strict=False) if name}
    for name, problem, proof in order.doubts(row):
        yield Wrong(number, name, problem, {"text": cell_text(row[name]), "proof": proof})


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


@cache
def _targets(type_name: str) -> Sequence[tuple[str, bool, FieldDescriptor]]:
    """Return (column, whether its field is of the claim rather than the facts, field) of a type."""
    claim = submission_pb2.Content.DESCRIPTOR.fields_by_name
    targets = [(name, True, claim[name]) for name in CLAIM_COLUMNS]
    return targets + [(name, False, each) for name, each in fact_columns(type_name).items()]


class _Columns:
    """The columns of a table: their positions and how to read their cells.

    ``names`` has the column of each heading, empty for an ignored one; ``days`` maps the index of
    each date column to its name.
    """

    def __init__(
        self,
        type_name: str,
        header: Sequence[str],
        chosen: Chosen = NONE,
        digest: Digest = no_files,
    ) -> None:
        self.header, self.width, self._digest = header, len(header), digest
        self.names = read_header(type_name, header, chosen)
        self._type_name = type_name
        self._at = {name: at for at, name in enumerate(self.names) if name}
        self._read = [
            (self._at[name], name, of_claim, each.name, each.is_repeated, reader(each))
            for name, of_claim, each in _targets(type_name)
            if name in self._at
        ]
        fields = fact_columns(type_name)
        self.days = {
            at: name for name, at in self._at.items() if name in fields and is_day(fields[name])
        }
        self._proof = [self._at.get(name) for name in EVIDENCE_COLUMNS]

    def cell(self, cells: Sequence[Cell], name: str) -> Cell:
        """Return the cell of a row in a column; blank if the row or the table lacks it."""
        at = self._at.get(name)
        return cells[at] if at is not None and at < len(cells) else ""

    def text(self, cells: Sequence[Cell], name: str) -> str:
        """Return the text of the cell that `cell` returns."""
        cell = self.cell(cells, name)
        return cell_text(cell) if cell != "" else ""

    def are_blank(self, cells: Sequence[Cell]) -> bool:
        """Return True if all cells of a row in known columns are blank."""
        return not any(at < len(cells) and has_text(cells[at]) for at in self._at.values())

    def has_sums(self, cells: Sequence[Cell], record_id: str) -> bool:
        """Return True if a row has the totals of a table, as `Tổng cộng: 3 bài`."""
        if record_id and (record_id[0] not in TOTAL_BEGINS or not TOTAL.fullmatch(slug(record_id))):
            return False
        texts = (
            cell_text(cells[at])
            for at in self._at.values()
            if at < len(cells) and isinstance(cells[at], str)
        )
        first = next(filter(None, texts), "")
        return TOTAL.fullmatch(slug(first)) is not None

    def fill(
        self, content: submission_pb2.Content, cells: Sequence[Cell], number: int
    ) -> list[Wrong]:
        """Set the fields of a content from the cells of a row; return the cells that are wrong."""
        facts, mistakes = getattr(content.facts, self._type_name), list[Wrong]()
        facts.SetInParent()
        for at, name, of_claim, target, is_list, read in self._read:
            if (cell := cells[at]) == "":
                continue
            try:
                value = read.of_text(cell) if isinstance(cell, str) else read.of_cell(cell)
            except CellWrong as error:
                mistakes.append(Wrong(number, name, error.problem, error.values))
                continue
            if value is None:
                continue
            message = content if of_claim else facts
            if is_list:
                getattr(message, target).extend(value)
            else:
                setattr(message, target, value)
        files, sha256, title, uri = [
            "" if at is None else cell_text(cells[at]) for at in self._proof
        ]
        try:
            add_evidence(content, files, sha256, title, uri, self._digest)
        except CellWrong as error:
            mistakes.append(Wrong(number, EVIDENCE_COLUMNS[0], error.problem, error.values))
        return mistakes
