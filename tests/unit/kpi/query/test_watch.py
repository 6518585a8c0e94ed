from datetime import UTC, datetime

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import Exhausted, InvalidArgument
from services.kpi.query import watch
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
    stream = Watchers(1).watch(REQUEST, live, lambda: True, noon)
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
    stream = Watchers(1).watch(REQUEST, live, lambda: True, noon)
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
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.001)
    live = stores().live_view_of()
    live.refresh()
    stream = Watchers(1).watch(REQUEST, live, lambda: True, noon)
    assert len(next(stream).cells) == 2
    assert len(next(stream).cells) == 0
    stream.close()


def test_more_watchers_than_the_limit_are_refused_until_one_leaves() -> None:
    live = stores().live_view_of()
    live.refresh()
    watchers = Watchers(2)
    first, second, third = (watchers.watch(REQUEST, live, lambda: True, noon) for _ in range(3))
    next(first)
    next(second)
    with pytest.raises(Exhausted, match="2 watchers"):
        next(third)
    first.close()
    fourth = watchers.watch(REQUEST, live, lambda: True, noon)
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
            next(watchers.watch(wrong, live, lambda: True, noon))


def test_a_stream_ends_when_the_caller_leaves() -> None:
    live = stores().live_view_of()
    live.refresh()
    left = iter([True, False])
    assert len(list(Watchers(1).watch(REQUEST, live, lambda: next(left), noon))) == 1
