"""Kept days and replays, on a real database and a real broker."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, cast

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import InvalidArgument, WrongState
from services.kpi.query.history import History, check_position
from services.kpi.query.live_view import ViewState
from services.kpi.store.blobs import PART_BYTES, Parts
from services.kpi.store.documents import DATABASE
from services.kpi.store.kept_days import Days, KeptDay
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.integration.kpi.test_service import (
    Stack,
    kpis_or_none,
    lose_the_log,
    publish_catalogue,
    running,
    settings,
    verified,
)
from tests.waiting import wait_until

__all__ = ["settings"]
MIDNIGHT = datetime(2026, 3, 2, 0, 0, 5, tzinfo=UTC)
NO_REPLAYS = cast(Any, None)


class PastOf:
    """The past as one process of the service has it."""

    def __init__(self, stored: Stored, keep_days: int = 400) -> None:
        self.days = Days(stored.mongo)
        self.live = stored.fresh()
        self.history = History(stored.catalogues, self.days, NO_REPLAYS, lambda: "log-1", keep_days)

    def keep_yesterday(self, now: datetime) -> bool:
        return self.history.keep_yesterday(self.live, now)

    def day(self, day: date, now: datetime) -> tuple[KeptDay, ViewState]:
        return self.history.day(self.live, day, now)


def test_the_first_state_after_midnight_is_kept_once_and_stays_when_the_view_moves_on(
    stored: Stored,
) -> None:
    fold = stored.claimed()
    fold.apply(log(120))
    before = stored.digest()
    replicas = [PastOf(stored) for _ in range(2)]
    assert [past.keep_yesterday(MIDNIGHT) for past in replicas] == [True, False]
    fold.apply(log(250)[120:])
    assert stored.digest() != before
    later = PastOf(stored)
    assert not later.keep_yesterday(MIDNIGHT + timedelta(minutes=1))
    kept, state = later.day(date(2026, 3, 1), MIDNIGHT)
    assert (kept.day, kept.view_id, kept.taken_at) == ("2026-03-01", stored.view.view_id, MIDNIGHT)
    assert state.cube.digest() == kept.digest == before
    assert state.progress.next_offsets == kept.next_offsets == {0: 120}
    assert len(stored.documents("parts")) == 1


def test_a_state_that_is_late_is_not_taken_for_the_day_before(stored: Stored) -> None:
    stored.claimed().apply(log(10))
    assert not PastOf(stored).keep_yesterday(MIDNIGHT + timedelta(hours=2))
    assert stored.documents("days") == []


def test_a_kept_day_is_read_after_another_view_went_live(stored: Stored) -> None:
    stored.claimed().apply(log(100))
    before = stored.digest()
    PastOf(stored).keep_yesterday(MIDNIGHT)
    newer = stored.open("log-2")
    stored.claimed(view=newer).apply(log(20, seed=8))
    stored.catalogues.note_republished(newer, frozenset(newer.awaits))
    past = PastOf(stored)
    assert past.keep_yesterday(MIDNIGHT + timedelta(minutes=1))
    kept, state = past.day(date(2026, 3, 1), MIDNIGHT)
    assert (kept.view_id, state.cube.digest()) == (stored.view.view_id, before)


def test_a_day_that_is_not_kept_names_its_neighbours_and_one_that_lasts_is_refused(
    stored: Stored,
) -> None:
    stored.claimed().apply(log(10))
    past = PastOf(stored)
    for days in (0, 5):
        past.keep_yesterday(MIDNIGHT + timedelta(days=days))
    with pytest.raises(WrongState) as refused:
        past.day(date(2026, 3, 3), MIDNIGHT + timedelta(days=9))
    assert refused.value.reason == "NOT_KEPT"
    assert refused.value.details == {"before": "2026-03-01", "after": "2026-03-06"}
    with pytest.raises(InvalidArgument):
        past.day(date(2026, 3, 2), MIDNIGHT)


def test_old_days_go_but_the_first_of_each_month_stays(stored: Stored) -> None:
    stored.claimed().apply(log(10))
    past = PastOf(stored, keep_days=30)
    for number in range(45):
        past.keep_yesterday(MIDNIGHT + timedelta(days=number))
    kept = [each.day for each in past.days.all()]
    # Today is 15 April: 30 days before is 16 March.
    assert kept[0] == "2026-04-14"
    assert kept[-2:] == ["2026-03-16", "2026-03-01"]
    assert len(kept) == 31
    assert len(stored.documents("parts")) == 31


def test_bytes_larger_than_a_document_are_kept_in_parts(stored: Stored) -> None:
    days, parts = Days(stored.mongo), Parts(stored.mongo)
    content = bytes(range(256)) * (PART_BYTES // 256) + b"end"
    kept = KeptDay("2026-03-01", "v", 1, MIDNIGHT, {0: 7}, 1, 0, "d")
    assert days.keep(kept, content)
    assert not days.keep(kept, b"other")
    assert len(stored.documents("parts")) == 2
    assert days.find("2026-03-01") == (kept, content)
    stored.mongo.database(DATABASE)["parts"].delete_one({})
    with pytest.raises(ValueError, match="is missing"):
        days.find("2026-03-01")
    parts.drop("nobody")


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ({0: 5}, "every partition: 0, 1"),
        ({0: 5, 1: 3, 2: 0}, "every partition"),
        ({0: 6, 1: 3}, "partition 0 has been read to offset 5"),
        ({0: 5, 1: 1}, "partition 1 begins at offset 2"),
        ({0: -1, 1: 3}, "partition 0 begins at offset 0"),
    ],
)
def test_a_position_that_the_view_did_not_pass_is_refused(at: dict[int, int], problem: str) -> None:
    with pytest.raises(InvalidArgument, match=problem):
        check_position(at, {1: 2}, {0: 5, 1: 3})


def counts(stack: Stack, number: int) -> bool:
    return (kpis_or_none(stack) or {}).get("root") == number


def replayed(stack: Stack, **wish: Any) -> kpi_service_pb2.ReplayKpisResponse:
    selection = view_pb2.Selection(
        unit_ids=["root"], indicator_codes=["KNW-03"], from_month="2025-01", to_month="2025-07"
    )
    request = kpi_service_pb2.ReplayKpisRequest(selection=selection, **wish)
    steps = list(stack.call("ReplayKpis", request, seconds=60))
    assert all(not step.HasField("answer") for step in steps[:-1])
    last: kpi_service_pb2.ReplayKpisResponse = steps[-1]
    return last


def test_a_replay_answers_as_the_view_did_at_every_position(settings: Any, mongo: Any) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    with running(settings) as stack:
        publish_catalogue(stack)
        seen = []
        for number in range(3):
            stack.publish(verified(f"s{number}", f"doi:10.1/{number}", "alpha"))
            wait_until(partial(counts, stack, number + 1))
            request = kpi_service_pb2.GetKpisRequest(
                selection=view_pb2.Selection(from_month="2025-01", to_month="2025-07")
            )
            seen.append(stack.call("GetKpis", request))
        for number, known in enumerate(seen):
            last = replayed(stack, at=known.view.progress)
            assert last.answer.view.digest == known.view.digest
            assert last.answer.view.progress == known.view.progress
            assert [cell.verified.whole for cell in last.answer.cells] == [number + 1]
            assert last.records_read == last.records_total
        nothing = replayed(stack, as_of=yesterday)
        assert [cell.verified.whole for cell in nothing.answer.cells] == [0]
        assert {p.next_offset for p in nothing.answer.view.progress} == {0}
        request.as_of = yesterday
        with pytest.raises(grpc.RpcError, match="is not kept"):
            stack.call("GetKpis", request)
        assert list(stack.call("ListKeptDays", kpi_service_pb2.ListKeptDaysRequest()).days) == []
    lose_the_log(mongo)
    with running(settings) as stack:
        wait_until(lambda: kpis_or_none(stack))
        with pytest.raises(grpc.RpcError, match="the log that this view was made of is gone"):
            replayed(stack)
