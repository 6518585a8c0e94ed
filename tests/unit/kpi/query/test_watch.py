import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import Exhausted, InvalidArgument
from services.kpi.query import watch
from services.kpi.query.live_view import state_cells
from services.kpi.query.watch import Watchers
from tests.unit.kpi.view_states import FakeStores, row, view

REQUEST = kpi_service_pb2.WatchKpisRequest(
    selection=view_pb2.Selection(
        unit_ids=["alpha", "beta"],
        indicator_codes=["KNW-01"],
        from_month="2025-01",
        to_month="2025-01",
    )
)


STREAMS = 30


class Caller:
    """A caller who stays until it leaves; counts how often it was asked whether it is there."""

    def __init__(self) -> None:
        self.looked = 0
        self._over = threading.Event()
        self._waiting: list[threading.Event] = []

    def is_active(self) -> bool:
        self.looked += 1
        return not self._over.is_set()

    @contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        self._waiting.append(event)
        yield

    def leave(self) -> None:
        self._over.set()
        for event in self._waiting:
            event.set()


HERE = Caller()


def noon() -> datetime:
    return datetime(2025, 7, 1, 12, tzinfo=UTC)


def stores() -> FakeStores:
    made = FakeStores(live_view=view())
    made.commit("g1-c1-f1", 1, row(1), row(8, "beta"))
    return made


def seen(answer: kpi_service_pb2.WatchKpisResponse) -> dict[str, int]:
    return {cell.unit_id: cell.verified.whole for cell in answer.cells}


def test_a_watcher_gets_all_cells_once_and_then_those_that_change() -> None:
    database = stores()
    live = database.live_view_of()
    live.refresh()
    stream = Watchers(1).watch(REQUEST, live, HERE, noon)
    assert seen(next(stream)) == {"alpha": 1, "beta": 8}
    database.commit("g1-c1-f1", 2, row(2), row(8, "beta"))
    live.refresh()
    answer = next(stream)
    assert seen(answer) == {"alpha": 2}
    assert answer.view.progress[0].next_offset == 2
    stream.close()


def test_a_watcher_gets_all_cells_again_when_another_view_takes_over() -> None:
    database = stores()
    live = database.live_view_of()
    live.refresh()
    stream = Watchers(1).watch(REQUEST, live, HERE, noon)
    assert next(stream).view.view_id == "g1-c1-f1"
    database.live_view = view("g1-c2-f1")
    database.commit("g1-c2-f1", 1, row(1), row(9, "beta"))
    live.refresh()
    answer = next(stream)
    assert answer.view.view_id == "g1-c2-f1"
    assert seen(answer) == {"alpha": 1, "beta": 9}
    stream.close()


def test_a_watcher_hears_that_it_is_alive_when_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "SIGN_OF_LIFE_SECONDS", 0.0)
    live = stores().live_view_of()
    live.refresh()
    stream = Watchers(1).watch(REQUEST, live, HERE, noon)
    assert len(next(stream).cells) == 2
    assert len(next(stream).cells) == 0
    stream.close()


def test_more_watchers_than_the_limit_are_refused_until_one_leaves() -> None:
    live = stores().live_view_of()
    live.refresh()
    watchers = Watchers(2)
    first, second, third = (watchers.watch(REQUEST, live, HERE, noon) for _ in range(3))
    next(first)
    next(second)
    with pytest.raises(Exhausted, match="2 watchers"):
        next(third)
    first.close()
    fourth = watchers.watch(REQUEST, live, HERE, noon)
    assert len(next(fourth).cells) == 2
    second.close()
    fourth.close()


def test_a_wrong_request_gives_its_place_back() -> None:
    live = stores().live_view_of()
    live.refresh()
    watchers = Watchers(1)
    wrong = kpi_service_pb2.WatchKpisRequest(selection=view_pb2.Selection(unit_ids=["absent"]))
    for _ in range(2):
        with pytest.raises(InvalidArgument):
            next(watchers.watch(wrong, live, HERE, noon))


def test_a_stream_ends_when_the_caller_leaves() -> None:
    live = stores().live_view_of()
    live.refresh()
    caller = Caller()
    stream = Watchers(1).watch(REQUEST, live, caller, noon)
    next(stream)
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(list, stream)
        caller.leave()
        assert ended.result(10) == []


def test_many_streams_share_their_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SIGN_OF_LIFE_SECONDS", 0.0)
    monkeypatch.setattr(watch, "SIGNS_PER_SECOND", 1000.0)
    live = stores().live_view_of()
    live.refresh()
    watchers = Watchers(100)
    streams = [watchers.watch(REQUEST, live, HERE, noon) for _ in range(100)]
    begin = time.monotonic()  # the first stream is silent from its first answer on
    for stream in streams:
        next(stream)
    assert not next(streams[0]).cells
    assert time.monotonic() - begin >= 0.1 * 0.9


def test_idle_streams_sleep_and_a_change_is_encoded_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What woke was counted, because 2,000 streams that look twice a second took 66 % of a core."""
    encoded = Mock(wraps=state_cells)
    monkeypatch.setattr(watch, "state_cells", encoded)
    database = stores()
    live = database.live_view_of()
    live.refresh()
    watchers, callers = Watchers(STREAMS), [Caller() for _ in range(STREAMS)]
    streams = [watchers.watch(REQUEST, live, caller, noon) for caller in callers]
    for stream in streams:
        assert seen(next(stream)) == {"alpha": 1, "beta": 8}
    assert encoded.call_count == 1
    with ThreadPoolExecutor(STREAMS) as threads:
        answers = [threads.submit(next, stream) for stream in streams]
        for _ in range(10):
            assert not live.refresh()
        assert [caller.looked for caller in callers] == [1] * STREAMS
        assert encoded.call_count == 1
        database.commit("g1-c1-f1", 2, row(2), row(8, "beta"))
        live.refresh()
        assert all(seen(answer.result(10)) == {"alpha": 2} for answer in answers)
    assert [caller.looked for caller in callers] == [2] * STREAMS
    assert encoded.call_count == 2


def test_a_stream_that_is_late_gets_every_cell_that_changed_meanwhile() -> None:
    database = stores()
    live = database.live_view_of()
    live.refresh()
    watchers = Watchers(2)
    quick, late = (watchers.watch(REQUEST, live, HERE, noon) for _ in range(2))
    assert seen(next(quick)) == seen(next(late)) == {"alpha": 1, "beta": 8}
    database.commit("g1-c1-f1", 2, row(2), row(8, "beta"))
    live.refresh()
    assert seen(next(quick)) == {"alpha": 2}
    database.commit("g1-c1-f1", 3, row(2), row(9, "beta"))
    live.refresh()
    assert seen(next(quick)) == {"beta": 9}
    assert seen(next(late)) == {"alpha": 2, "beta": 9}


def test_streams_of_different_cells_get_their_own() -> None:
    live = stores().live_view_of()
    live.refresh()
    other = kpi_service_pb2.WatchKpisRequest()
    other.CopyFrom(REQUEST)
    other.selection.unit_ids[:] = ["beta"]
    watchers = Watchers(2)
    assert seen(next(watchers.watch(REQUEST, live, HERE, noon))) == {"alpha": 1, "beta": 8}
    assert seen(next(watchers.watch(other, live, HERE, noon))) == {"beta": 8}
