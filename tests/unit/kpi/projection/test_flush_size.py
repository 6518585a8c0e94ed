"""A database whose speed is so much per document, on a clock of the test's own."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import pytest
from pymongo.errors import NetworkTimeout

from services.kernel.errors import OwnershipLost
from services.kpi.config import RECORDS_MAX
from services.kpi.projection import flush_size
from services.kpi.projection.flush_size import RECORDS_FIRST, SECONDS_WANTED, FlushSize
from services.kpi.projection.memory_store import MemoryStore
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.ledger import Flush
from services.kpi.store.writes import PartitionLease
from services.kpi.wire.catalogue import decode_catalogue
from tests.unit.kpi.builders import FakeRecord, article, catalogue_message, changed, record

LIMIT_SECONDS = 30.0
CATALOGUE = decode_catalogue(catalogue_message())
EVENTS = 6000


@cache
def log() -> list[FakeRecord]:
    claim = article()
    return [
        record(offset, changed(f"s{offset}", 1, f"doi:10.1/{offset}", claim, claim))
        for offset in range(EVENTS)
    ]


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(flush_size, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


class SlowStore(MemoryStore):
    """Takes its time for every document, and answers nothing after the time limit."""

    def __init__(self, clock: Clock, per_document: float) -> None:
        super().__init__()
        self.clock, self.per_document = clock, per_document
        self.next_offset = self.timeouts = 0
        self.sizes: list[int] = []
        self.frozen_seconds = 0.0

    def commit(self, flush: Flush) -> None:
        documents = len(flush.works) + len(flush.rows)
        seconds, self.frozen_seconds = self.per_document * documents + self.frozen_seconds, 0.0
        self.clock.now += min(seconds, LIMIT_SECONDS)
        if seconds > LIMIT_SECONDS:
            self.timeouts += 1
            raise NetworkTimeout("no answer in time")
        assert flush.lease.next_offset == self.next_offset
        self.sizes.append(flush.next_offset - self.next_offset)
        self.next_offset = flush.next_offset
        super().commit(flush)

    def claimed(self, size: FlushSize) -> PartitionFold:
        lease = PartitionLease("v", 0, 1, self.next_offset, 0, 0, frozenset())
        return PartitionFold(lease, CATALOGUE, self, size=size)


def catch_up(store: SlowStore, size: FlushSize, end: int = EVENTS) -> None:
    """Fold the log as the aggregator does: after an error the partition is claimed again."""
    fold = store.claimed(size)
    while store.next_offset < end:
        assert store.timeouts < 10, "it does not progress"
        begin = store.next_offset
        try:
            fold.apply(log()[begin : min(end, begin + size.records)])
            assert fold.stored_offset == store.next_offset
        except NetworkTimeout:
            assert fold.stored_offset == store.next_offset
            fold = store.claimed(size)


def test_a_quick_database_is_given_full_flushes_soon(clock: Clock) -> None:
    store, size = SlowStore(clock, 0.0001), FlushSize()
    catch_up(store, size)
    assert store.sizes[:3] == [RECORDS_FIRST, 2 * RECORDS_FIRST, 4 * RECORDS_FIRST]
    assert size.records == RECORDS_MAX


def test_a_database_that_takes_seconds_for_a_document_is_filled_one_by_one(clock: Clock) -> None:
    store, size = SlowStore(clock, 6.0), FlushSize()
    catch_up(store, size, 12)
    assert store.next_offset == 12
    assert size.records == 1


def test_a_flush_of_the_usual_size_does_not_fit_and_later_it_does_again(clock: Clock) -> None:
    """The view stood still for ever: each flush of 4,000 records ran into the limit."""
    store, size = SlowStore(clock, 0.0001), FlushSize()
    catch_up(store, size, 4000)
    assert max(store.sizes) * 0.05 > LIMIT_SECONDS
    store.per_document, store.sizes = 0.05, []
    catch_up(store, size, 5000)
    assert store.timeouts
    assert store.sizes[-2] * 0.05 <= 2 * SECONDS_WANTED
    store.per_document, before = 0.0001, size.records
    catch_up(store, size)
    assert size.records > 4 * before


def test_what_fits_the_limit_but_takes_long_shrinks_before_it_fails(clock: Clock) -> None:
    store, size = SlowStore(clock, 0.0001), FlushSize()
    for step in range(30):
        store.per_document *= 1.3
        catch_up(store, size, 120 * (step + 1))
    assert store.timeouts == 0
    assert store.per_document > 0.2


def test_a_frozen_database_costs_one_flush_and_no_lasting_speed(clock: Clock) -> None:
    store, size = SlowStore(clock, 0.001), FlushSize()
    for end in range(1000, EVENTS + 1, 1000):
        store.frozen_seconds = 40.0
        catch_up(store, size, end)
    assert store.timeouts == 6
    assert store.next_offset == EVENTS
    assert size.records >= RECORDS_FIRST / 4


def test_a_small_flush_says_nothing_of_larger_ones(clock: Clock) -> None:
    size = FlushSize()
    for _ in range(20):
        with size.measured(1):
            clock.now += 0.01
    assert size.records == RECORDS_FIRST


def test_a_flush_of_a_former_owner_says_nothing_of_the_speed(clock: Clock) -> None:
    size = FlushSize()
    with pytest.raises(OwnershipLost), size.measured(200):
        raise OwnershipLost("another process owns it")
    assert size.records == RECORDS_FIRST
    with pytest.raises(NetworkTimeout), size.measured(200):
        raise NetworkTimeout("no answer in time")
    assert size.records == 50
