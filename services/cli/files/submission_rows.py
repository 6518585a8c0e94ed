"""Turns rows of a table into import requests, for every submission type. Pure.

Columns are the fields of the facts of a type and of the claim itself. For a row that cannot be read
the wrong columns are reported. Whether readable values are valid is checked by the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import import_service_pb2, submission_pb2
from services.cli.files.cells import (
    Cell,
    UnreadableCell,
    cell_text,
    has_text,
    trouble_of_text,
    trouble_of_words,
)
from services.cli.files.date_order import DateOrder
from services.cli.files.field_values import (
    CellWrong,
    is_day,
    places,
    set_field,
)
from services.cli.files.headings import CLAIM_COLUMNS, fact_columns, read_header, slug
from services.cli.files.spreadsheets import Notice, Table, is_too_wide

DEFAULT_EVIDENCE_TITLE = "evidence"
WITHDRAW = {"withdraw", "rut"}
"""Slugs of the actions that withdraw a record."""
IMPORT = {"", "import", "upsert"}
TOTAL = re.compile(r"(?:tong|tong_cong|tong_so|cong|total|grand_total|sum)(?:_\d+(?:_[a-z]+)?)?")
"""Slugs of texts that mark a row of sums below a table, e.g. `Tổng cộng: 3 bài`."""
COLUMN_NUMBER_LENGTH = 8
TOTAL_BEGINS = "tcgsTCGS"
COLUMN_NUMBER = re.compile(r"\(?(\d+)\)?")

EXAMPLE_ID = "#example"
"""Record id of the example row in a template; this row is skipped."""

Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell because of which a row is not sent.

    ``row`` is its number in the file, ``column`` is empty if the whole row is wrong, ``problem`` is
    the key of a message, and ``values`` are the values of its placeholders.
    """

    row: int
    column: str
    problem: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file contains: requests in the order of its rows, and mistakes in unreadable rows.

    ``table`` is the table that was read, ``names`` the name of each of its columns, empty for an
    ignored one.
    """

    requests: Sequence[import_service_pb2.ImportSubmissionsRequest]
    wrong: Sequence[Wrong]
    notices: Sequence[Notice] = field(default=())
    table: Table = field(default_factory=lambda: Table([], []))
    names: Sequence[str] = field(default=())


def parse(
    type_name: str, header: Sequence[str], rows: Sequence[tuple[int, Sequence[Cell]]], system: str
) -> Parsed:
    """Turn the rows of a table into import requests.

    Blank rows, the example of a template and rows of sums are skipped.

    Args:
        type_name: submission type of every row.
        header: headings of the table.
        rows: number in the file and cells of each row.
        system: name of the system that the records come from.

    Raises:
        HeaderWrong: the headings are not valid; see `read_header`.
    """
    names = read_header(type_name, header)
    order = _date_order(type_name, names, rows)
    requests, wrong, seen, totals = [], [], dict[str, int](), 0
    rows = [(number, cells) for number, cells in rows if EXAMPLE_ID not in cells]
    for number, cells in rows:
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        if not has_text(row.get("record_id", "")) and not any(map(has_text, row.values())):
            continue
        if _is_total(row) or _has_column_numbers(cells):
            totals += 1
            continue
        if shifted := list(_width_mistakes(header, cells, number)):
            wrong += shifted
            continue
        mistakes = list(_record_mistakes(row, number, seen))
        request = import_service_pb2.ImportSubmissionsRequest(row=number)
        request.source_record.system = system
        request.source_record.record_id = cell_text(row.get("record_id", ""))
        request.reason = cell_text(row.get("reason", ""))
        if slug(cell_text(row.get("action", ""))) not in WITHDRAW:
            mistakes += _order_mistakes(row, number, order)
            mistakes += _fill_content(request.content, type_name, row, number)
        requests += [] if mistakes else [request]
        wrong += mistakes
    notices = [Notice("import.totals_skipped", {"rows": str(totals)})] if totals else []
    return Parsed(requests, wrong, notices, names=names)


def content(type_name: str, row: Mapping[str, str]) -> submission_pb2.Content:
    """Return the content of one claim from column -> text, e.g. of a command line.

    Raises:
        CellWrong: a text cannot be read; names the first such column.
        HeaderWrong: a column is unknown, or the unit is missing.
    """
    read_header(type_name, [*row, "record_id"])
    result = submission_pb2.Content()
    for mistake in _fill_content(result, type_name, row, 0):
        raise CellWrong(mistake.problem, column=mistake.column, **mistake.values)
    return result


def _is_total(row: Row) -> bool:
    record_id = cell_text(row.get("record_id", ""))
    if record_id and (record_id[0] not in TOTAL_BEGINS or not TOTAL.fullmatch(slug(record_id))):
        return False
    texts = (cell_text(cell) for cell in row.values() if isinstance(cell, str))
    first = next(filter(None, texts), "")
    return TOTAL.fullmatch(slug(first)) is not None


def _has_column_numbers(cells: Sequence[Cell]) -> bool:
    """Return True for a row that numbers the columns, as forms have: (1), (2), (3), ..."""
    if len(cells) < 3 or (isinstance(cells[2], str) and len(cells[2]) > COLUMN_NUMBER_LENGTH):
        return False
    found = [COLUMN_NUMBER.fullmatch(cell_text(cell)) for cell in cells[:3]]
    numbers = [int(each[1]) for each in found if each]
    return len(numbers) == 3 and numbers in ([1, 2, 3], [0, 1, 2])


def _width_mistakes(header: Sequence[str], cells: Sequence[Cell], number: int) -> Iterator[Wrong]:
    """Yield a mistake if a row has more or fewer cells than there are headings.

    A spreadsheet always writes all cells, so a CSV row that lacks some is damaged.
    """
    if is_too_wide(cells, header) or len(cells) < len(header):
        values = {"cells": str(len(cells)), "headings": str(len(header))}
        yield Wrong(number, "", "cell.width", values)


def _date_order(
    type_name: str, names: Sequence[str], rows: Iterable[tuple[int, Sequence[Cell]]]
) -> DateOrder:
    fields = fact_columns(type_name)
    days = {at: name for at, name in enumerate(names) if name in fields and is_day(fields[name])}
    order = DateOrder()
    order.look_at(days, (cells for _, cells in rows))
    return order


def _order_mistakes(row: Row, number: int, order: DateOrder) -> Iterator[Wrong]:
    for name, problem, proof in order.doubts(row):
        yield Wrong(number, name, problem, {"text": cell_text(row[name]), "proof": proof})


def _record_mistakes(row: Row, number: int, seen: dict[str, int]) -> Iterator[Wrong]:
    cell = row.get("record_id", "")
    record_id, action = cell_text(cell), cell_text(row.get("action", ""))
    if isinstance(cell, UnreadableCell):
        yield Wrong(number, "record_id", cell.problem, {"text": cell.text})
    elif problem := trouble_of_text(cell) or trouble_of_words(record_id):
        yield Wrong(number, "record_id", problem, {"text": record_id})
    elif not record_id:
        yield Wrong(number, "record_id", "cell.missing", {})
    elif (first := seen.setdefault(record_id, number)) != number:
        yield Wrong(number, "record_id", "cell.twice", {"row": str(first)})
    if slug(action) not in IMPORT | WITHDRAW:
        yield Wrong(number, "action", "cell.choice", {"choices": "import, withdraw"})


@cache
def _targets(type_name: str) -> Sequence[tuple[str, bool, FieldDescriptor]]:
    """Return (column, whether it is one of the claim and not of the facts, protobuf field)."""
    claim = submission_pb2.Content.DESCRIPTOR.fields_by_name
    targets = [(name, True, claim[name]) for name in CLAIM_COLUMNS]
    return targets + [(name, False, each) for name, each in fact_columns(type_name).items()]


def _fill_content(
    result: submission_pb2.Content, type_name: str, row: Row, number: int
) -> list[Wrong]:
    facts = getattr(result.facts, type_name)
    facts.SetInParent()
    mistakes = []
    for name, of_claim, each in _targets(type_name):
        cell = row.get(name, "")
        if cell == "":
            continue
        try:
            set_field(result if of_claim else facts, each, cell)
        except CellWrong as error:
            mistakes.append(Wrong(number, name, error.problem, error.values))
    result.evidence.extend(_evidence(row))
    return mistakes


def _evidence(row: Row) -> Iterator[submission_pb2.Evidence]:
    names = ("evidence_title", "evidence_uri", "evidence_sha256")
    titles, uris, digests = (places(cell_text(row.get(name, ""))) for name in names)
    for sha256, title, uri in zip_longest(digests, titles, uris, fillvalue=""):
        if sha256:
            yield submission_pb2.Evidence(
                sha256=sha256.lower(), title=title or DEFAULT_EVIDENCE_TITLE, uri=uri
            )
