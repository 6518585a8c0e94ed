"""Kept days that many threads ask for at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

from services.kpi.domain.cube import Cube
from services.kpi.query.history import History
from services.kpi.store.kept_days import KeptDay
from services.kpi.wire.rows import encode_rows
from tests.unit.kpi.builders import real_catalogue

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FIRST_DAY = date(2026, 3, 1)
NOTHING = encode_rows(Cube(real_catalogue()).rows())
THREADS = 8


class KeptDays:
    """Every day is kept, with no numbers. Reading one waits for ``go_on``."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self._read = 0
        self._changed = threading.Condition()

    def find(self, day: str) -> tuple[KeptDay, bytes]:
        with self._changed:
            self._read += 1
            self._changed.notify_all()
        assert self.go_on.wait(30)
        return KeptDay(day, "v", 1, NOW, {0: 1}, 0, 0, ""), NOTHING

    def were_read(self, times: int, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._read >= times, seconds)


class LiveNow:
    @contextmanager
    def read(self) -> Iterator[Any]:
        yield SimpleNamespace(targets={})


def past_of(days: KeptDays) -> History:
    view = SimpleNamespace(view_id="v")
    catalogues = SimpleNamespace(views=lambda: [view], catalogue=lambda version: real_catalogue())
    nothing = cast(Any, None)
    return History(cast(Any, catalogues), cast(Any, days), nothing, lambda: "log-1", 400)


def read(past: History, day: date) -> tuple[KeptDay, Any]:
    return past.day(cast(Any, LiveNow()), day, NOW)


def test_a_day_that_many_ask_for_at_once_is_read_and_decoded_once() -> None:
    days = KeptDays()
    past = past_of(days)
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(read, past, FIRST_DAY) for _ in range(THREADS)]
        try:
            assert days.were_read(1, 30)
            assert not days.were_read(2, 0.5)
        finally:
            days.go_on.set()
        view_states = [each.result()[1] for each in asked]
    assert len({id(state.cube) for state in view_states}) == 1
    assert len({id(state.encoded) for state in view_states}) == THREADS
    assert not days.were_read(2, 0)
