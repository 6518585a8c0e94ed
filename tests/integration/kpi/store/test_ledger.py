from typing import Any

import pytest

from services.kernel.errors import OwnershipLost
from services.kpi.domain.parking import Parked, ParkedRef
from services.kpi.store.documents import DATABASE, OVER
from services.kpi.store.ledger import Flush, PartitionLease
from services.kpi.store.rows import PackedRow
from tests.integration.kpi.conftest import Stored

MONTH = 2025 * 12


def flush(lease: PartitionLease, next_offset: int, value: int = 1) -> Flush:
    made = Flush(lease, next_offset, 1000, frozenset({"alpha"}))
    made.rows["alpha", MONTH] = PackedRow.of(
        {("A:declared", ""): value, ("B:declared", "p.1$x"): 2}
    )
    made.works["doi:10.1/a"] = {"u": ["publication|alpha"], "j": [], "c": [b"e"]}
    parked = Parked("no facts", "t", "alpha", "s1", 3, "doi:10.1/a", 1000, b"raw")
    made.parked[next_offset - 1] = parked
    return made


def committed(stored: Stored, flush: Flush) -> PartitionLease:
    """Write a flush; say where the partition stands then."""
    stored.ledger.commit(flush)
    return flush.done()


def test_every_claim_raises_the_epoch_and_begins_at_the_stored_offset(stored: Stored) -> None:
    first = stored.ledger.claim("v", 3)
    assert (first.epoch, first.next_offset, first.parked) == (1, 0, 0)
    stored.ledger.commit(flush(first, 17))
    second = stored.ledger.claim("v", 3)
    assert (second.epoch, second.next_offset, second.parked) == (2, 17, 1)
    assert second.republished == {"alpha"}
    other = stored.ledger.claim("v", 4)
    assert (other.epoch, other.next_offset) == (1, 0)


@pytest.mark.parametrize("state", OVER)
def test_nobody_claims_a_view_that_is_over(stored: Stored, state: str) -> None:
    name = stored.view.view_id
    before = stored.ledger.claim(name, 0)
    stored.mongo.database(DATABASE)["views"].update_one({"_id": name}, {"$set": {"state": state}})
    with pytest.raises(OwnershipLost, match=f"{name} is {state}"):
        stored.ledger.claim(name, 0)
    assert [document["epoch"] for document in stored.documents("progress")] == [before.epoch]


def test_what_is_committed_is_read_back(stored: Stored) -> None:
    lease = committed(stored, flush(stored.ledger.claim("v", 0), 5))
    assert (lease.next_offset, lease.parked, lease.newest_event_ms) == (5, 1, 1000)
    assert stored.ledger.works(lease, ["doi:10.1/a", "absent"]) == {"doi:10.1/a": [b"e"]}
    rows = stored.ledger.rows(lease, [("alpha", MONTH), ("beta", MONTH)])
    assert {place: row.cells() for place, row in rows.items()} == {
        ("alpha", MONTH): {("A:declared", ""): 1, ("B:declared", "p.1$x"): 2}
    }
    (document,) = stored.documents("parked")
    assert (document["_id"], document["reason"], document["value"]) == (
        "v|0|4",
        "no facts",
        b"raw",
    )


def test_many_keys_are_read_in_chunks(stored: Stored) -> None:
    made = flush(stored.ledger.claim("v", 0), 9)
    keys = [f"w{number}" for number in range(120)]
    made.works = dict.fromkeys(keys, made.works["doi:10.1/a"])
    lease = committed(stored, made)
    assert set(stored.ledger.works(lease, keys)) == set(keys)


def test_a_former_owner_writes_nothing(stored: Stored) -> None:
    former = stored.ledger.claim("v", 0)
    owner = stored.ledger.claim("v", 0)
    with pytest.raises(OwnershipLost):
        stored.ledger.commit(flush(former, 5))
    assert stored.documents("cells") == stored.documents("works") == stored.documents("parked")
    assert stored.documents("cells") == []
    assert committed(stored, flush(owner, 5)).next_offset == 5


def test_a_flush_from_an_offset_that_is_past_writes_nothing(stored: Stored) -> None:
    owner = stored.ledger.claim("v", 0)
    stored.ledger.commit(flush(owner, 5))
    before = stored.documents("cells")
    with pytest.raises(OwnershipLost):
        stored.ledger.commit(flush(owner, 9, value=99))
    assert stored.documents("cells") == before


def test_a_flush_that_fails_in_the_middle_leaves_nothing(stored: Stored) -> None:
    owner = stored.ledger.claim("v", 0)
    stored.ledger.commit(flush(owner, 5))
    owner = stored.ledger.claim("v", 0)
    names = ("progress", "cells", "works", "parked")
    before: dict[str, list[dict[str, Any]]] = {name: stored.documents(name) for name in names}
    # The graves come last: one that is there already fails when all the rest is written.
    broken = flush(owner, 9, value=99)
    broken.parked = {4: broken.parked[8]}
    with pytest.raises(Exception, match="E11000"):
        stored.ledger.commit(broken)
    assert {name: stored.documents(name) for name in names} == before
    assert committed(stored, flush(owner, 9, value=7)).next_offset == 9


def test_parked_records_are_remembered_with_what_names_them(stored: Stored) -> None:
    lease = stored.ledger.claim("v", 0)
    for next_offset in (5, 9):
        lease = committed(stored, flush(lease, next_offset))
    documents = sorted(stored.ledger.parked_refs(lease), key=lambda document: document.offset)
    assert documents == [ParkedRef(o, "alpha.s1", "doi:10.1/a", 3, is_open=True) for o in (4, 8)]
    closing = Flush(lease, 10, 1000, frozenset(), mended=[4])
    lease = committed(stored, closing)
    assert lease.parked == 1
    assert [g.is_open for g in stored.ledger.parked_refs(lease)].count(True) == 1


def test_an_open_record_is_remembered_however_old_it_is(stored: Stored) -> None:
    lease = committed(stored, flush(stored.ledger.claim("v", 0), 5))
    lease = committed(stored, Flush(lease, 50_000, 1000, frozenset()))
    assert [document.offset for document in stored.ledger.parked_refs(lease)] == [4]
    lease = committed(stored, Flush(lease, 50_001, 1000, frozenset(), mended=[4]))
    assert stored.ledger.parked_refs(lease) == []


def test_a_view_that_is_new_to_a_partition_begins_where_the_log_does(stored: Stored) -> None:
    assert stored.ledger.claim("v", 0, 40).next_offset == 40
    assert stored.ledger.claim("v", 0, 50).next_offset == 40
