"""The subprocess that compares every cell of a view with an independent recomputation in SQL.

`python -m services.kpi.rebuild.oracle_check` is started by `kpi.process`. Its request is that
of `requests.encode_request`; it sends one message with `count`, the number of cells that differ,
and `differences`, the first of them as text. The view must have been folded exactly up to the
offsets of the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from zlib import crc32

from google.protobuf.message import DecodeError

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2
from services.kernel.kafka import Record, header
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.domain.months import month_text
from services.kpi.log.reader import read_partition
from services.kpi.process import Message, Send, serve
from services.kpi.projection.decoder import kind_of
from services.kpi.rebuild.requests import decode_request
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE
from services.kpi.store.rows import decode_row
from services.kpi.wire import events

EVENTS_PER_PART = 100_000
"""Maximum number of events that the oracle recomputes at once, which limits its memory.

Works are split into disjoint sets, whose cells add up.
"""
DIFFERENCES_MAX = 100
"""Maximum number of differing cells to list; all are counted."""

OracleCell = tuple[str, str, str, str]
"""(unit id, month, column name, member) of a cell."""
Cells = dict[OracleCell, int]


def compare(settings: Settings, request: Message, send: Send) -> None:
    """Compare the cells of a view with those of the oracle; send those that differ.

    A cell that one of them lacks counts as zero.

    Raises:
        LookupError: there is no such view.
    """
    view_id, ends = decode_request(request)
    count, differences = 0, list[str]()
    with closing(Mongo(settings.mongo_uri, settings.mongo_timeout_ms)) as mongo:
        catalogues = Catalogues(mongo)
        view = catalogues.view(view_id)
        if view is None:
            raise LookupError(f"there is no view {view_id}")
        message = catalogues.message(view.catalogue_version)
        for partition, end in ends.items():
            begin = view.begins.get(partition, 0)
            values = _values(read_partition(settings, partition, begin, end))
            expected = recomputed(values, message, parts=1 + end // EVENTS_PER_PART)
            found = _stored(mongo, view_id, partition)
            wrong = differing(found, expected)
            count += len(wrong)
            for cell in wrong[: DIFFERENCES_MAX - len(differences)]:
                place = " ".join(part for part in cell if part)
                both = f"{found.get(cell, 0)}, SQL says {expected.get(cell, 0)}"
                differences.append(f"partition {partition}, {place}: {both}")
    send({"count": count, "differences": differences})


def recomputed(
    values: Iterator[tuple[bytes, bytes]], message: catalogue_pb2.Catalogue, parts: int
) -> Cells:
    """Return the cells that the oracle computes from the given events, without zeros.

    The works are computed in portions, so that memory is limited.

    Args:
        values: (work key, encoded event) of each record.
        message: the view's catalogue.
        parts: number of portions into which the works are split.

    Raises:
        LookupError: the libraries of the oracle are not installed.
    """
    try:
        from services.kpi.oracle.recompute import LogRecord, recompute
    except ImportError as missing:
        text = f"ORACLE_MISSING: {missing}; install the extra `oracle`, or set KIENG_ORACLE=false"
        raise LookupError(text) from missing
    pieces: list[list[LogRecord]] = [[] for _ in range(parts)]
    for key, value in values:
        pieces[crc32(key) % parts].append(LogRecord(0, value))
    cells: Cells = {}
    for piece in pieces:
        for cell, amount in recompute(piece, message).get(0, {}).items():
            cells[cell] = cells.get(cell, 0) + amount
        piece.clear()
    return {cell: amount for cell, amount in cells.items() if amount}


def differing(found: Cells, expected: Cells) -> list[OracleCell]:
    """Return the cells in which view and oracle differ, in order; a missing cell counts as zero."""
    cells = found.keys() | expected.keys()
    return sorted(cell for cell in cells if found.get(cell, 0) != expected.get(cell, 0))


def _values(log: Iterator[list[Record]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (work key, encoded event) of the records whose headers fit to their event.

    Which of them count is judged by the oracle, not by what the view has parked.
    """
    for records in log:
        for record in records:
            if kind_of(record) != events.CHANGED:
                continue
            value = record.value or b""
            try:
                event = events_pb2.SubmissionChanged.FromString(value)
            except DecodeError:
                continue
            if header(record, "ce_source") == f"kieng/submissions/{event.institution_id}":
                # Not the record's key, because a producer may omit it or set another one.
                yield event.work_key.encode(), value


def _stored(mongo: Mongo, view_id: str, partition: int) -> Cells:
    cells: Cells = {}
    query = {"v": view_id, "p": partition, "o": {"$gte": 0}}
    for document in mongo.database(DATABASE)["cells"].find(query):
        month = month_text(document["m"])
        for (column, member), value in decode_row(document).items():
            cells[document["u"], month, column, member] = value
    return cells


if __name__ == "__main__":
    raise SystemExit(serve(compare))
