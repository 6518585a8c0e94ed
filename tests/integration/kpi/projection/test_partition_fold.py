from __future__ import annotations

import pytest

from kieng.submissions.v1 import events_pb2
from services.kernel.errors import OwnershipLost
from services.kpi.domain.parking import Limits
from services.kpi.log.identity import event_hash
from services.kpi.projection import partition_fold
from services.kpi.query.live_view import LiveView
from services.kpi.store import change_notes
from services.kpi.store.reads import Snapshots
from services.kpi.store.targets import Targets
from tests.integration.kpi.conftest import Stored, fold_in_batches
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import JANUARY, FakeRecord, article, changed, record

LOG = log(250)


def count(stored: Stored, code: str = "KNW-03", unit: str = "root") -> object:
    with stored.fresh().read() as state:
        indicator = state.catalogue.indicators[code]
        return state.cube.value(unit, indicator, 1, JANUARY, JANUARY + 11, 0)


@pytest.fixture
def whole(stored: Stored) -> tuple[Stored, str]:
    """The log folded in one batch, and its digest."""
    stored.claimed().apply(LOG)
    return stored, stored.digest()


@pytest.mark.parametrize(("size", "until"), [(1, 120), (37, len(LOG))])
def test_the_size_of_batches_does_not_matter(stored: Stored, size: int, until: int) -> None:
    stored.claimed().apply(LOG[:until])
    digest, other = stored.digest(), stored.open("log-2")
    fold_in_batches(stored.claimed(view=other), LOG[:until], size)
    assert stored.rows(other.view_id) == stored.rows(stored.view.view_id)
    works = {(d["v"], d["k"]): d["c"] for d in stored.documents("works")}
    for (view_id, key), sources in works.items():
        if view_id == other.view_id:
            assert sources == works[stored.view.view_id, key]
    stored.catalogues.note_republished(other, frozenset({"alpha", "beta", "gamma"}))
    live = stored.catalogues.live()
    assert live is not None
    assert live.view_id == other.view_id
    assert stored.digest() == digest


def test_an_owner_that_goes_and_one_that_comes_end_with_the_same(stored: Stored) -> None:
    for begin in range(0, len(LOG), 90):
        # A new owner hears everything again from the start, and passes over what is stored.
        stored.claimed().apply(LOG[: begin + 90])
    digest = stored.digest()
    stored.mongo.database("kieng_kpi")["progress"].delete_many({})
    for name in ("cells", "works", "parked"):
        stored.mongo.database("kieng_kpi")[name].delete_many({})
    stored.claimed().apply(LOG)
    assert stored.digest() == digest


def test_partitions_of_one_log_add_up_to_the_log_in_one(whole: tuple[Stored, str]) -> None:
    stored, digest = whole
    other = stored.open("log-2")
    for partition in range(3):
        mine = [r for r in LOG if hash_of(r) % 3 == partition]
        stored.claimed(partition, other).apply(mine)
    stored.catalogues.note_republished(other, frozenset({"alpha", "beta", "gamma"}))
    assert stored.digest() == digest


def hash_of(one: FakeRecord) -> int:
    return sum(events_pb2.SubmissionChanged.FromString(one.value or b"").work_key.encode())


def test_works_that_left_memory_are_read_again(
    whole: tuple[Stored, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, digest = whole
    monkeypatch.setattr(partition_fold, "WORKS_IN_MEMORY_MAX", 3)
    other = stored.open("log-2")
    fold_in_batches(stored.claimed(view=other), LOG, 40)
    stored.catalogues.note_republished(other, frozenset({"alpha", "beta", "gamma"}))
    assert stored.digest() == digest


BAD = [
    b"\xff\xff",
    changed(version=0),
    changed(declared=article("alpha/absent")),
    changed(declared=article(issued_on="soon")),
    changed(declared=article(indexes=[9])),
]


def test_records_that_cannot_be_folded_are_set_aside_and_counted(stored: Stored) -> None:
    good = changed("good", declared=article(), verified=article())
    records = [record(i, event) for i, event in enumerate([*BAD, good])]
    records.append(record(len(records), b"\xff", "kieng.submissions.v1.LogRepublished"))
    records.append(record(len(records), b"\xff", "kieng.submissions.v9.Unknown"))
    fold = stored.claimed()
    fold.apply(records)
    assert fold.lease.parked == len(BAD) + 1
    assert [d["_id"].split("|")[2] for d in stored.documents("parked")] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "6",
    ]
    assert all(d["reason"] for d in stored.documents("parked"))
    assert count(stored) == 1
    with stored.fresh().read() as state:
        assert state.progress.parked == len(BAD) + 1
        assert state.progress.next_offsets == {0: len(records)}


def test_a_bad_amendment_leaves_the_claim_as_it_was(stored: Stored) -> None:
    good = changed("s", 1, declared=article(), verified=article())
    bad = changed("s", 2, declared=article("alpha/absent"))
    stored.claimed().apply([record(0, good), record(1, bad)])
    assert count(stored) == 1


def test_a_log_of_nothing_but_bad_records_stops_the_fold(stored: Stored) -> None:
    fold = stored.claimed(limits=Limits(in_a_row=3))
    with pytest.raises(RuntimeError, match="3 records in a row"):
        fold.apply([record(i, BAD[2]) for i in range(4)])
    assert stored.documents("parked") == []
    # Here and there a bad record between good ones is no reason to stop.
    good = changed("good", declared=article(), verified=article())
    fold = stored.claimed(limits=Limits(in_a_row=3))
    fold.apply([record(i, good if i % 2 else BAD[0]) for i in range(20)])
    assert fold.lease.parked == 10


def test_the_limits_hold_across_owners(stored: Stored) -> None:
    limits = Limits(in_a_row=3)
    stored.claimed(limits=limits).apply([record(i, BAD[2]) for i in range(3)])
    with pytest.raises(RuntimeError, match="3 records in a row"):
        stored.claimed(limits=limits).apply([record(3, BAD[2])])
    # Whoever raises the limit goes on; the numbers do not depend on it.
    stored.claimed().apply([record(3, BAD[2])])
    assert len(stored.documents("parked")) == 4


def test_a_newer_version_mends_a_parked_record(stored: Stored) -> None:
    good = changed("s", 3, declared=article(), verified=article())
    bad = changed("s", 2, declared=article("alpha/absent"))
    other = changed("t", 1, declared=article("alpha/absent"))
    fold = stored.claimed()
    fold.apply([record(0, bad), record(1, other)])
    assert fold.lease.parked == 2
    # A straggler mends nothing; nor does a newer version that another owner already parked.
    fold.apply([record(2, changed("s", 1, declared=article()))])
    assert fold.lease.parked == 2
    fold = stored.claimed()
    fold.apply([record(3, good)])
    assert fold.lease.parked == 1
    assert {d["o"]: d["open"] for d in stored.documents("parked")} == {0: False, 1: True}
    # Parked and mended within one batch.
    fold = stored.claimed()
    fold.apply(
        [record(4, changed("u", 1, declared=article("alpha/absent"))), record(5, changed("u", 2))]
    )
    assert fold.lease.parked == 1
    assert {d["o"]: d["open"] for d in stored.documents("parked")}[4] is False


def test_marks_of_an_older_generation_of_the_log_do_not_count(stored: Stored) -> None:
    old = events_pb2.LogRepublished(institution_id="alpha", generation=1)
    new = events_pb2.LogRepublished(institution_id="beta", generation=2)
    fold = stored.claimed(generation=2)
    fold.apply([record(0, old), record(1, new)])
    assert fold.lease.republished == {"beta"}


def test_the_identity_of_the_last_record_is_stored_with_the_position(stored: Stored) -> None:
    stored.claimed().apply(LOG[:30])
    assert stored.claimed().lease.last_hash == event_hash(LOG[29])
    assert event_hash(LOG[29]) != event_hash(LOG[28])


def test_institutions_that_are_published_again_are_remembered(stored: Stored) -> None:
    marks = [events_pb2.LogRepublished(institution_id=name) for name in ("beta", "alpha")]
    fold = stored.claimed()
    fold.apply([record(0, marks[0])])
    fold.apply([record(1, marks[1])])
    assert fold.lease.republished == {"alpha", "beta"}
    assert stored.claimed().lease.republished == {"alpha", "beta"}
    progress = Snapshots(stored.mongo).progress(stored.view.view_id)
    assert progress.republished == {"alpha", "beta"}


def test_memory_that_follows_equals_memory_that_starts(stored: Stored) -> None:
    live = LiveView(stored.catalogues, Snapshots(stored.mongo), Targets(stored.mongo))
    fold = stored.claimed()
    for begin in range(0, len(LOG), 50):
        fold.apply(LOG[begin : begin + 50])
        live.refresh()
        with live.read() as state:
            assert state.progress.next_offsets == {0: begin + 50}
            assert state.cube.digest() == stored.digest()


def test_who_follows_is_told_the_cells_of_a_small_flush_and_reads_the_rows_of_a_large_one(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots, fold = Snapshots(stored.mongo), stored.claimed()
    fold.apply(LOG[:50])
    fold.apply(LOG[50:60])
    _, told = snapshots.changes(stored.view.view_id, {0: 50})
    assert told
    assert not any(row.is_whole for row in told)
    monkeypatch.setattr(change_notes, "ROWS_TOLD_MAX", 0)
    fold.apply(LOG[60:70])
    _, read = snapshots.changes(stored.view.view_id, {0: 60})
    assert read
    assert all(row.is_whole for row in read)
    _, everything = snapshots.changes(stored.view.view_id, {})
    assert all(row.is_whole for row in everything)


def test_a_zombie_that_flushes_cannot_make_the_owner_lose_an_update(stored: Stored) -> None:
    """The counterexample to "accept if the stored offset is smaller", with two owners."""
    first, second = "doi:10.1/w1", "doi:10.1/w2"

    def event(offset: int, submission: str, work_key: str) -> FakeRecord:
        # Every event names another work, so each adds one to the same cell.
        claim = article()
        return record(offset, changed(submission, 1, work_key, claim, claim))

    records = [
        event(4, "a", first),
        event(5, "b", first + "b"),
        event(6, "c", "doi:10.1/w3"),
        event(7, "d", second),
        event(8, "e", first + "e"),
    ]
    zombie = stored.claimed()
    zombie.apply(records[:1])
    owner = stored.claimed()
    owner.apply(records[1:2])
    with pytest.raises(OwnershipLost):
        zombie.apply(records[1:4])
    owner.apply(records[2:])
    assert count(stored) == 5
    again = stored.claimed()
    again.apply(records)
    assert count(stored) == 5
    assert again.lease.next_offset == 9


def test_a_zombie_that_flushed_before_it_was_fenced_is_not_repeated(stored: Stored) -> None:
    events = [changed(f"s{i}", 1, f"w{i}", article(), article()) for i in range(4)]
    records = [record(i, event) for i, event in enumerate(events)]
    zombie = stored.claimed()
    zombie.apply(records[:3])
    owner = stored.claimed()
    owner.apply(records)
    with pytest.raises(OwnershipLost):
        zombie.apply(records[3:])
    assert count(stored) == 4
