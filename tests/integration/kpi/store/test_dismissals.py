"""A dismissal belongs to the place in the log: other views of the log have it, other logs not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.kpi.domain.parking import Parked
from services.kpi.store.dismissals import Dismissal
from services.kpi.store.ledger import Flush
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.reads import Snapshots
from services.kpi.store.views import View
from tests.integration.kpi.conftest import Stored

AT = datetime(2025, 3, 1, tzinfo=UTC)
FIRST = Dismissal("a test", "alpha", "op", AT)


def parked(stored: Stored, view: View, *offsets: int) -> None:
    """What the fold of a view stores of records that it sets aside."""
    lease = stored.ledger.claim(view.view_id, 0)
    flush = Flush(lease, max(offsets) + 1, 1000, frozenset())
    for offset in offsets:
        flush.parked[offset] = Parked("no facts", "t", "alpha", f"s{offset}", 3, "k", 1000, b"")
    stored.ledger.commit(flush)


def listed(records: ParkedRecords, view: View, *, with_dismissed: bool = False) -> list[int]:
    found = records.page(view, "", (-1, -1), 10, with_mended=False, with_dismissed=with_dismissed)
    return [each.offset for each in found]


def test_a_dismissal_survives_a_rebuild_and_ends_with_the_log(stored: Stored) -> None:
    records, snapshots = ParkedRecords(stored.mongo), Snapshots(stored.mongo)
    parked(stored, stored.view, 4, 5)
    assert snapshots.dismissed(stored.view) == 0
    assert records.dismiss(stored.view, (0, 4), FIRST) == FIRST
    later = replace(FIRST, reason="another", subject="other")
    assert records.dismiss(stored.view, (0, 4), later) == FIRST, "the first one stands"

    rebuilt = replace(stored.view, view_id="g1-c2-f1")
    parked(stored, rebuilt, 4, 5, 6)
    for view, left in ((stored.view, [5]), (rebuilt, [5, 6])):
        assert listed(records, view) == left
        assert listed(records, view, with_dismissed=True) == [4, *left]
        assert snapshots.dismissed(view) == 1
        found = records.get(view, (0, 4))
        assert found is not None
        assert found.dismissal == FIRST
        assert snapshots.progress(view.view_id).parked == 1 + len(left), "the fold is untouched"

    other = replace(stored.view, view_id="g2-c1-f1", topic_id="log-2")
    parked(stored, other, 4)
    assert listed(records, other) == [4]
    assert snapshots.dismissed(other) == 0


def test_a_mended_record_is_not_counted_as_dismissed(stored: Stored) -> None:
    parked(stored, stored.view, 4)
    ParkedRecords(stored.mongo).dismiss(stored.view, (0, 4), FIRST)
    lease = stored.ledger.claim(stored.view.view_id, 0)
    flush = Flush(lease, 9, 1000, frozenset())
    flush.mended.append(4)
    stored.ledger.commit(flush)
    assert Snapshots(stored.mongo).dismissed(stored.view) == 0
