"""A backlog is written in a second thread while the next batch is folded (ADR 0019)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.kernel.errors import OwnershipLost
from services.kpi.domain.parking import Limits
from services.kpi.projection import partition_fold
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.projection.write_behind import WriteBehind
from tests.integration.kpi.conftest import Stored, fold_in_batches
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import article, changed, record

LOG = log(400)


def test_a_backlog_that_is_written_behind_ends_with_the_same(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_fold, "BACKLOG_RECORDS", 20)
    monkeypatch.setattr(partition_fold, "WORKS_IN_MEMORY_MAX", 5)
    stored.claimed().apply(LOG)
    digest = stored.digest()
    other, behind = stored.open("log-2"), WriteBehind()
    fold_in_batches(stored.claimed(view=other, behind=behind), LOG, 37)
    behind.flush_pending()
    stored.catalogues.note_republished(other, frozenset({"alpha", "beta", "gamma"}))
    assert stored.digest() == digest


def test_who_is_no_owner_any_more_hears_of_it_with_the_next_batch_or_when_it_settles(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_fold, "BACKLOG_RECORDS", 1)
    behind = WriteBehind()
    for next_step in (
        lambda former: former.apply(LOG[10:20]),
        lambda former: behind.flush_pending(),
    ):
        former = stored.claimed(behind=behind)
        begin = former.lease.next_offset
        stored.claimed()
        former.apply(LOG[begin : begin + 10])
        with pytest.raises(OwnershipLost):
            next_step(former)
        assert stored.claimed().lease.next_offset == begin


def test_of_two_troubles_the_one_of_the_batch_before_is_told(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_fold, "BACKLOG_RECORDS", 1)
    behind = WriteBehind()
    former = stored.claimed(behind=behind, limits=Limits(in_a_row=1))
    stored.claimed()
    former.apply(LOG[:10])
    # Too much of it cannot be folded; but that is the present owner's to say.
    with pytest.raises(OwnershipLost):
        former.apply(
            [record(offset, changed(declared=article("absent"))) for offset in range(10, 20)]
        )


def test_partitions_of_one_view_may_be_written_at_once_from_two_threads(stored: Stored) -> None:
    folds = [stored.claimed(partition) for partition in (0, 1)]

    def write(fold: PartitionFold) -> int:
        fold_in_batches(fold, LOG[:200], 10)
        return fold.lease.next_offset

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, folds)) == [200, 200]
    zero, one = (stored.claimed(partition).lease.next_offset for partition in (0, 1))
    assert (zero, one) == (200, 200)
