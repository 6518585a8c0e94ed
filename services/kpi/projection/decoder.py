"""Classifies records of the submissions log: event to fold, mark, parked or skipped.

The live projection, rebuilds, replays and the oracle check all use it: two decoders that disagreed
would produce different views of the same log.
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
    """Return the event type of a log record; empty if it has none, in which case it is parked."""
    try:
        return event_type(record)
    except InvalidRecord:
        return ""


class Decoder:
    """Decodes the log records of one partition, in order. Used by one thread.

    Args:
        catalogue: the view's catalogue.
        limits: maximum numbers of parked records.
        generation: only `LogRepublished` of this generation of the log and later ones count.
        parked_refs: records that were parked earlier.
        is_foreign: returns True if a work key belongs to another shard; None without shards.
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
        """Return the events of a batch with their statements; record everything else in the flush.

        Recorded are marks of republished institutions, parked and mended records, skipped types
        and the time of the newest event.

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
                    # A type of a later release; it changes no cell.
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
    """Return the event's time in milliseconds; the broker's timestamp if it has none."""
    text = header(record, "ce_time")
    try:
        made = datetime.fromisoformat(text)
        made = made if made.tzinfo else made.replace(tzinfo=UTC)
        return within_calendar(int(made.timestamp() * 1000))
    except (ValueError, OverflowError):
        return within_calendar(record.timestamp)
