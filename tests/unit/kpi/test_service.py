"""What the service classes do with trouble: records not for the fold, and what is down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect

from kieng.directory.v1 import events_pb2
from services.kernel.errors import InvalidRecord, Unavailable
from services.kpi.providers import CatalogueStore
from services.kpi.service import DIRECTORY_PUBLISHED, KpiAggregator, KpiQuery
from tests.unit.kpi.builders import record


class Kept(list[int]):
    """Directory versions that were kept."""

    def keep_directory(self, directory: Any) -> None:
        self.append(directory.version)


def test_a_directory_that_nobody_can_decode_is_buried_and_does_not_stop_the_others() -> None:
    aggregator, kept = KpiAggregator(), Kept()
    aggregator.catalogues = cast(CatalogueStore, kept)
    good = events_pb2.DirectoryPublished()
    good.directory.version = 7
    records = [record(0, good), record(1, b"\xff\xff", DIRECTORY_PUBLISHED)]
    with pytest.raises(InvalidRecord) as invalid:
        aggregator.on_directory(records)
    assert (invalid.value.offset, kept) == (1, [7])


TROUBLE = [Unavailable("the broker is down"), AutoReconnect("the database is down")]


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
def test_building_goes_on_after_trouble_that_passes(error: Exception) -> None:
    aggregator = KpiAggregator()
    aggregator.builder = SimpleNamespace(step=failing(error))  # type: ignore[assignment]
    aggregator.build_views()
    aggregator.builder = SimpleNamespace(step=failing(ZeroDivisionError()))  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        aggregator.build_views()


def test_answers_grow_old_while_the_database_is_down() -> None:
    query = KpiQuery()
    query.live = SimpleNamespace(refresh=failing(TROUBLE[1]), refreshed_at=1.0)  # type: ignore[assignment]
    query.refresh()
    assert query.live.refreshed_at == 1.0
    query.live.refresh = lambda: None
    query.refresh()
    assert query.live.refreshed_at > 1.0


def test_yesterday_is_kept_when_the_database_is_back() -> None:
    query = KpiQuery()
    query.live, query.now = None, lambda: datetime.now(UTC)  # type: ignore[assignment]
    query.history = SimpleNamespace(keep_yesterday=failing(TROUBLE[1]))  # type: ignore[assignment]
    query.keep_yesterday()
    query.history = SimpleNamespace(keep_yesterday=failing(ZeroDivisionError()))  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        query.keep_yesterday()
