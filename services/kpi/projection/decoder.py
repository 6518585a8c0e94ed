"""Decodes records of the submissions log into events to fold; parks or skips all others.

The live projection, rebuilds, replays and the oracle check all use this decoder, because two
decoders that disagreed would produce different views of the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from kieng.submissions.v1 import events_pb2
from services.kernel.errors import InvalidRecord
from services.kernel.kafka import Record, event_type, header
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.parking import Limits, Parked, ParkedRef, Parking
from services.kpi.domain.work import Statement
from services.kpi.store.writes import Flush
from services.kpi.wire import events
from services.kpi.wire.parking import parked_of, within_calendar

Changed = tuple[events_pb2.SubmissionChanged, Statement]


def kind_of(record: Record) -> str:
    """Return the event type of a record; empty if it has none or an unreadable one."""
    try:
        return event_type(record)
    except InvalidRecord:
        return ""


class Decoder:
    """Decodes the records of one partition, in order. Used by one thread.

    Args:
        catalogue: the view's catalogue.
        limits: maximum numbers of parked records, i.e. of those that cannot be decoded or folded.
        generation: generation of the log; `LogRepublished` events of earlier ones are ignored.
        parked_refs: records of the partition that were parked earlier.
        is_foreign: returns True if a work key belongs to another shard of a rebuild, whose events
            are then ignored here; None if all works are to be decoded.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        limits: Limits,
        generation: int = 0,
        parked_refs: Iterable[ParkedRef] = (),
        is_foreign: Callable[[str], bool] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._generation = generation
        self._parking = Parking(limits, parked_refs)
        self._is_foreign = is_foreign

    def decode(self, records: Sequence[Record], flush: Flush) -> list[Changed]:
        """Return the events of a batch that are to be folded, each with its statement, in order.

        Everything else is added to ``flush``: institutions whose log was republished, parked
        records and those that newer versions replace, skipped event types, and the time of the
        newest event.

        Args:
            records: records of the partition, in order.
            flush: the flush that will store the batch.

        Raises:
            RuntimeError: more records are parked than the limits allow.
        """
        changed: list[Changed] = []
        for record in records:
            value = record.value or b""
            try:
                kind, source = event_type(record), header(record, "ce_source")
                if kind == events.REPUBLISHED:
                    mark = events.decode_republished(value, self._generation, source)
                    flush.republished |= mark
                elif kind == events.CHANGED:
                    event = events.decode_changed(value)
                    if self._is_foreign and self._is_foreign(event.work_key):
                        continue
                    events.check_authority(event, source)
                    statement = events.decode_statement(event, self._catalogue, value)
                    changed.append((event, statement))
                    name = events.name_of(event)
                    flush.mended += self._parking.mended(name, event.work_key, event.version)
                    flush.newest_event_ms = max(flush.newest_event_ms, _event_ms(record))
                else:
                    # An event type of a later release, which changes no cell.
                    flush.skipped[kind] = flush.skipped.get(kind, 0) + 1
            except InvalidRecord as invalid:
                self._park(record.offset, parked_of(record, str(invalid)), flush)
        return changed

    def _park(self, offset: int, parked: Parked, flush: Flush) -> None:
        if self._is_foreign and self._is_foreign(parked.work_key):
            return
        flush.parked[offset] = parked
        if too_many := self._parking.park(offset, parked):
            raise RuntimeError(f"{too_many}, the last one: {parked.reason}")


def _event_ms(record: Record) -> int:
    """Return the time of an event in ms since 1970; the broker's timestamp if it states none."""
    text = header(record, "ce_time")
    try:
        made = datetime.fromisoformat(text)
        made = made if made.tzinfo else made.replace(tzinfo=UTC)
        return within_calendar(int(made.timestamp() * 1000))
    except (ValueError, OverflowError):
        return within_calendar(record.timestamp)
