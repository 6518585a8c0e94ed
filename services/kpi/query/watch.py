"""Answers WatchKpis: streams the cells that change.

A stream sleeps until the view changes, its caller leaves, or a sign of life is due. What changed is
encoded once for all streams with the same selection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import Exhausted
from services.kpi import metrics
from services.kpi.query import answers
from services.kpi.query.cells import decode_selection
from services.kpi.query.live_view import LiveView, ViewState, state_cells

SIGN_OF_LIFE_SECONDS = 10.0
"""Maximum silence of a stream, unless there are so many streams that `SIGNS_PER_SECOND` applies."""
SIGNS_PER_SECOND = 10.0
"""Maximum rate of signs of life of all streams together, as they cost CPU while nothing changes."""


Key = tuple[str, str, str]
"""Unit, indicator and first month of a cell."""
Encoded = Mapping[Key, bytes]
NOTHING: Encoded = {}


class Caller(Protocol):
    """The call that a stream answers, as `kernel.interceptors.Call` is one."""

    def is_active(self) -> bool:
        """Return False if the caller has left or the server is stopping."""

    def waking(self, event: threading.Event) -> AbstractContextManager[None]:
        """While the block runs, set an event as soon as the call is no longer active."""


class Frame:
    """The selected cells at one position of the view, for all streams that selected the same.

    Args:
        view: view and position.
        cells: the selected cells.
    """

    def __init__(self, view: view_pb2.ViewInfo, cells: Sequence[view_pb2.Cell]) -> None:
        self.view = view
        self.encoded = {_key(cell): cell.SerializeToString(deterministic=True) for cell in cells}
        self._cells = cells
        self._compared: tuple[Encoded, list[view_pb2.Cell]] | None = None

    def since(self, sent: Encoded) -> list[view_pb2.Cell]:
        """Return the cells that differ from those that a stream has sent; do not modify them.

        Args:
            sent: `encoded` of the frame that the stream has sent last; `NOTHING` for none.
        """
        if self._compared is None or self._compared[0] is not sent:
            encoded = self.encoded
            changed = [c for c in self._cells if sent.get(_key(c)) != encoded[_key(c)]]
            self._compared = sent, changed
        return self._compared[1]


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
        self._frames: dict[bytes, Frame] = {}
        self._frames_of: tuple[int, date] | None = None

    def watch(
        self,
        request: kpi_service_pb2.WatchKpisRequest,
        live: LiveView,
        caller: Caller,
        now: Callable[[], datetime],
    ) -> Generator[kpi_service_pb2.WatchKpisResponse, None, None]:
        """Yield all selected cells once, then those that change, until the caller leaves.

        Without changes, a message without cells is sent every 10 seconds, or more rarely if there
        are many streams. When another view becomes live, all selected cells are sent again.

        Args:
            request: selects the cells.
            live: the live view, always the same one.
            caller: the call that is answered.
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
            yield from self._messages(request, live, caller, now)
        finally:
            with self._lock:
                self._open -= 1
                metrics.WATCHERS.set(self._open)

    def _messages(
        self,
        request: kpi_service_pb2.WatchKpisRequest,
        live: LiveView,
        caller: Caller,
        now: Callable[[], datetime],
    ) -> Iterator[kpi_service_pb2.WatchKpisResponse]:
        news = threading.Event()
        news.set()
        sent, view_id, silent_since = NOTHING, "", time.monotonic()
        with live.waking(news), caller.waking(news):
            while True:
                due = silent_since + max(SIGN_OF_LIFE_SECONDS, self._open / SIGNS_PER_SECOND)
                news.wait(max(0.0, due - time.monotonic()))
                news.clear()
                if not caller.is_active():
                    return
                with live.read() as state:
                    frame = self._frame(request.selection, state, now().date())
                if frame.view.view_id != view_id:
                    # Another view is live, so the cells that were sent before are void.
                    sent, view_id = NOTHING, frame.view.view_id
                changed, sent = frame.since(sent), frame.encoded
                if changed or time.monotonic() >= due:
                    silent_since = time.monotonic()
                    yield kpi_service_pb2.WatchKpisResponse(view=frame.view, cells=changed)

    def _frame(self, selected: view_pb2.Selection, state: ViewState, day: date) -> Frame:
        """Return the frame of a selection; call it under the lock of the view."""
        if self._frames_of != (state.change, day) or len(self._frames) > self._limit:
            self._frames_of, self._frames = (state.change, day), {}
        name = selected.SerializeToString(deterministic=True)
        frame = self._frames.get(name)
        if frame is None:
            selection = decode_selection(selected, state.catalogue)
            cells = state_cells(state, selection, day)
            frame = self._frames[name] = Frame(answers.encode_view_state(state), cells)
        return frame


def _key(cell: view_pb2.Cell) -> Key:
    return cell.unit_id, cell.indicator_code, cell.from_month
