"""A contradiction is published before its batch is stored, so that a crash loses none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kieng.kpi.v1 import events_pb2
from services.kernel.errors import NotReady, OwnershipLost
from services.kernel.publisher import Event
from services.kpi.projection.memory_store import MemoryStore
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.ledger import Flush, PartitionLease
from tests.unit.kpi.builders import FakeRecord, article, changed, real_catalogue, record

WORK = "doi:10.1/joint"


class Store(MemoryStore):
    """Remembers the order of what happens; the next commits may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[str] = []
        self.ids: list[str] = []
        self.failures: list[Exception] = []

    def publish(self, events: Sequence[Event]) -> None:
        self.happened.append("published")
        self.ids += [event.event_id for event in events]

    def commit(self, flush: Flush) -> None:
        if self.failures:
            raise self.failures.pop()
        self.happened.append("stored")
        super().commit(flush)


def fold(store: Store, next_offset: int = 0) -> PartitionFold:
    lease = PartitionLease("g1-c1-f3", 0, 1, next_offset, 0, 0, frozenset())
    return PartitionFold(lease, real_catalogue(), store, publish=store.publish)


def joint() -> list[FakeRecord]:
    """A work of alpha, and beta's claim that says otherwise."""
    first, other = article("alpha/sci", quartile=1), article("beta", quartile=2)
    events = [
        changed("alpha.1", 1, WORK, first, first),
        changed("beta.1", 1, WORK, other, other),
    ]
    for at, event in enumerate(events):
        event.verified_at.seconds = 1_750_000_000 + at
    return [record(offset, event) for offset, event in enumerate(events)]


def test_it_is_published_first_and_once() -> None:
    store = Store()
    fold(store).apply(joint())
    assert store.happened == ["published", "stored"]
    assert len(store.ids) == 1


@pytest.mark.parametrize("failure", [OwnershipLost("gone"), NotReady("down")])
def test_after_a_batch_that_was_not_stored_it_is_published_again_with_the_same_id(
    failure: Exception,
) -> None:
    store = Store()
    store.failures.append(failure)
    with pytest.raises(type(failure)):
        fold(store).apply(joint())
    assert store.happened == ["published"]
    fold(store).apply(joint())
    assert store.happened == ["published", "published", "stored"]
    assert len(store.ids) == 2
    assert len(set(store.ids)) == 1


def test_a_broker_that_does_not_take_it_keeps_the_batch_from_being_stored() -> None:
    store = Store()

    def down(events: Sequence[Event]) -> None:
        raise NotReady("no broker")

    made = fold(store)
    made._publish = down
    with pytest.raises(NotReady):
        made.apply(joint())
    assert store.happened == []


def test_the_batch_does_not_matter_and_what_agrees_is_not_published() -> None:
    one_by_one = Store()
    made = fold(one_by_one)
    for each in joint():
        made.apply([each])
    whole = Store()
    fold(whole).apply(joint())
    assert one_by_one.ids == whole.ids
    same = [article(unit, quartile=1) for unit in ("alpha/sci", "beta")]
    agreeing = Store()
    fold(agreeing).apply(
        [
            record(0, changed("alpha.1", 1, WORK, same[0], same[0])),
            record(1, changed("beta.1", 1, WORK, same[1], same[1])),
        ]
    )
    assert agreeing.happened == ["stored"]


def test_what_the_log_may_hold_too_long_fits_into_an_event() -> None:
    found: list[Event] = []
    first, other = article("alpha/sci", quartile=1), article("beta", quartile=2)
    events = [
        changed("alpha.1", 1, WORK, first, first),
        changed("beta." + "x" * 500_000, 1, WORK, other, other),
    ]
    for at, event in enumerate(events):
        event.verified_at.seconds = 1_750_000_000 + at
        event.submitted_by = "y" * 300_000
    made = fold(Store())
    made._publish = found.extend
    made.apply([record(offset, event) for offset, event in enumerate(events)])
    (published,) = found
    assert len(published.value) < 5_000
    told = events_pb2.WorkContradicted.FromString(published.value)
    assert told.contradicting.institution_id == "beta"
