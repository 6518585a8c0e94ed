import threading

import pytest
from prometheus_client import REGISTRY

from services.kernel.errors import Unavailable
from services.kpi.domain.targets import Target
from services.kpi.query import live_view as module
from services.kpi.query.answers import encode_view_state
from services.kpi.query.live_view import LiveView
from tests.unit.kpi.builders import JANUARY
from tests.unit.kpi.view_states import FakeStores, row, view


def value(live: LiveView, unit: str = "alpha") -> object:
    with live.read() as state:
        indicator = state.catalogue.indicators["KNW-01"]
        return state.cube.value(unit, indicator, 1, JANUARY, JANUARY, 0)


def started() -> tuple[FakeStores, LiveView]:
    stores = FakeStores(live_view=view())
    stores.commit("g1-c1-f1", 4, row(3))
    live = stores.live_view_of()
    live.refresh()
    return stores, live


def test_nothing_is_answered_before_a_view_is_live() -> None:
    live = FakeStores().live_view_of()
    live.refresh()
    assert not live.is_ready
    with pytest.raises(Unavailable, match="no view is live") as refused, live.read():
        pass
    assert refused.value.reason == "NO_VIEW"


def test_a_refresh_takes_over_what_was_committed_since() -> None:
    stores, live = started()
    assert value(live) == 3
    stores.commit("g1-c1-f1", 9, row(5))
    assert value(live) == 3
    live.refresh()
    assert value(live) == 5
    assert stores.asked_since == [{}, {0: 4}]


def test_a_refresh_without_news_reads_no_rows_and_is_no_change() -> None:
    stores, live = started()
    with live.read() as state:
        before = state.change
    live.refresh()
    with live.read() as state:
        assert state.change == before
    assert len(stores.asked_since) == 1


def test_another_live_view_replaces_the_first_whole_and_keeps_the_targets() -> None:
    stores, live = started()
    stores.kept = [Target("alpha", "KNW-01", 2025, 4)]
    live.targets_changed()
    live.refresh()
    with live.read() as state:
        before = state.change
    stores.live_view = view("g2-c1-f1")
    stores.commit("g2-c1-f1", 2, row(1, "beta"))
    live.refresh()
    assert value(live) == 0
    assert value(live, "beta") == 1
    with live.read() as state:
        assert state.view.view_id == "g2-c1-f1"
        assert list(state.targets) == ["alpha|KNW-01|2025"]
        assert state.change > before


def test_a_changed_target_is_news() -> None:
    stores, live = started()
    stores.kept = [Target("alpha", "KNW-01", 2025, 4)]
    live.refresh()
    with live.read() as state:
        assert state.targets == {}
    live.targets_changed()
    live.refresh()
    with live.read() as state:
        assert list(state.targets) == ["alpha|KNW-01|2025"]


def test_a_reader_who_wants_a_position_gets_it_as_soon_as_it_is_there() -> None:
    stores, live = started()
    with live.read({0: 4}) as state:
        assert state.progress.next_offsets == {0: 4}
    stores.commit("g1-c1-f1", 9, row(5))
    refreshing = threading.Thread(target=live.refresh)
    refreshing.start()
    with live.read({0: 9}) as state:
        assert state.progress.next_offsets == {0: 9}
    refreshing.join()


@pytest.mark.parametrize("wanted", [{0: 5}, {0: 4, 1: 1}])
def test_a_reader_does_not_wait_for_ever(
    wanted: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_PROGRESS_SECONDS", 0.01)
    _, live = started()
    with pytest.raises(Unavailable) as refused, live.read(wanted):
        pass
    assert refused.value.reason == "BEHIND"


def test_who_waits_for_news_is_woken_by_a_change_and_by_nothing_else() -> None:
    stores, live = started()
    news, over = threading.Event(), threading.Event()
    with live.waking(over):
        pass
    with live.waking(news):
        live.refresh()
        assert not news.is_set()
        stores.commit("g1-c1-f1", 9, row(5))
        live.refresh()
    assert news.is_set()
    assert not over.is_set()


def test_it_says_when_a_whole_view_was_read_and_only_then() -> None:
    stores, heard = FakeStores(live_view=view()), list[object]()
    stores.commit("g1-c1-f1", 4, row(3))
    live = stores.live_view_of(lambda: heard.append(value(live)))
    live.refresh()
    stores.commit("g1-c1-f1", 9, row(5))
    live.refresh()
    assert heard == [3]
    stores.live_view = view("g2-c1-f1")
    stores.commit("g2-c1-f1", 2, row(1))
    live.refresh()
    assert heard == [3, 1]


def test_dismissed_records_are_counted_again_when_told_and_with_the_parked() -> None:
    stores, live = started()

    def counted() -> tuple[int, int]:
        live.refresh()
        with live.read() as state:
            found = encode_view_state(state)
        gauges = REGISTRY.get_sample_value
        assert gauges("kieng_kpi_parked") == found.parked
        assert gauges("kieng_kpi_parked_dismissed") == found.dismissed
        return found.parked, found.dismissed

    stores.parked, stores.dismissals = 3, 1
    assert counted() == (2, 1)
    stores.dismissals = 2
    with live.read() as state:
        before = state.change
    live.dismissals_changed()
    assert counted() == (1, 2)
    with live.read() as state:
        assert state.change == before + 1, "watchers are told"
    stores.parked, stores.dismissals = 2, 1  # a dismissed record is mended
    assert counted() == (1, 1)
    stores.parked = 0
    assert counted() == (0, 0)
