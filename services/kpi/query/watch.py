"""Answers WatchKpis: streams the cells that change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime

from kieng.kpi.v1 import kpi_service_pb2
from services.kernel.errors import Exhausted
from services.kpi import metrics
from services.kpi.query import answers
from services.kpi.query.cells import decode_selection
from services.kpi.query.live_view import LiveView, state_cells

SIGN_OF_LIFE_SECONDS = 10.0
LOOK_SECONDS = 0.5


class Watchers:
    """Serves the WatchKpis streams and limits their number, as each occupies a thread. Thread-safe.

    Args:
        limit: maximum number of streams at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        metrics.WATCHERS_LIMIT.set(limit)
        self._open = 0
        self._lock = threading.Lock()

    def watch(
        self,
        request: kpi_service_pb2.WatchKpisRequest,
        live: LiveView,
        is_active: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> Generator[kpi_service_pb2.WatchKpisResponse, None, None]:
        """Yield all selected cells once, then those that change, until the caller leaves.

        Without changes, a message without cells is sent every 10 seconds. When another view becomes
        live, all selected cells are sent again.

        Args:
            request: selects the cells.
            live: the live view.
            is_active: returns False once the caller has left or the server is stopping.
            now: returns the present time, whose day determines the pace of targets.

        Raises:
            Exhausted: too many streams are open; retry later.
            InvalidArgument: see `cells.decode_selection`.
        """
        with self._lock:
            if self._open >= self._limit:
                raise Exhausted(f"{self._limit} watchers are open; repeat later")
            self._open += 1
            metrics.WATCHERS.set(self._open)
        try:
            yield from _changes(request, live, is_active, now)
        finally:
            with self._lock:
                self._open -= 1
                metrics.WATCHERS.set(self._open)


def _changes(
    request: kpi_service_pb2.WatchKpisRequest,
    live: LiveView,
    is_active: Callable[[], bool],
    now: Callable[[], datetime],
) -> Iterator[kpi_service_pb2.WatchKpisResponse]:
    sent: dict[tuple[str, str, str], bytes] = {}
    change, silent_since, view_id = -1, time.monotonic(), ""
    while is_active():
        is_newer = live.wait(change, LOOK_SECONDS)
        is_silent = time.monotonic() - silent_since >= SIGN_OF_LIFE_SECONDS
        if not (is_newer or is_silent):
            continue
        with live.read() as state:
            is_news, change = state.change != change, state.change
            view = answers.encode_view_state(state)
            selection = decode_selection(request.selection, state.catalogue)
            cells = state_cells(state, selection, now().date()) if is_news else []
        if view.view_id != view_id:
            # Another view is live, so the cells that were sent before are void.
            view_id = view.view_id
            sent.clear()
        changed = []
        for cell in cells:
            key = (cell.unit_id, cell.indicator_code, cell.from_month)
            value = cell.SerializeToString(deterministic=True)
            if sent.get(key) != value:
                sent[key] = value
                changed.append(cell)
        if changed or is_silent:
            silent_since = time.monotonic()
            yield kpi_service_pb2.WatchKpisResponse(view=view, cells=changed)
