"""Readers that look for impossible answers while processes are killed."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace

from pymongo.errors import PyMongoError

from services.kernel.mongo import Mongo
from services.kpi.query.live_view import LiveView
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.reads import Snapshots
from tests.simulation.consistency import check_consistency

STOPPED_SECONDS_MAX = 30.0


class Reader:
    """Keeps an image as the query process does; remembers the first impossible answer.

    Args:
        uri: the database.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._stopping = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None
        self.checked = 0
        """Answers at a new position whose every number was held against the others."""
        self.wrong = ""

    def start(self) -> None:
        """Begin to read."""
        self._running = self._thread.submit(self._run)

    def stop(self) -> None:
        """End; raises what ended the thread before."""
        self._stopping.set()
        if self._running is not None:
            self._running.result(STOPPED_SECONDS_MAX)
        self._thread.shutdown()

    def _run(self) -> None:
        with closing(Mongo(self._uri, 5000)) as mongo:
            targets = SimpleNamespace(all=lambda: [])
            live = LiveView(Catalogues(mongo), Snapshots(mongo), targets)  # type: ignore[arg-type]
            known: dict[int, int] = {}
            while not self._stopping.wait(0.02) and not self.wrong:
                try:
                    live.refresh()
                    known = self._look(live, known)
                except PyMongoError:
                    continue  # an answer that does not come is not a wrong one
                except AssertionError as impossible:
                    self.wrong = str(impossible)

    def _look(self, live: LiveView, known: dict[int, int]) -> dict[int, int]:
        with live.read() as state:
            found = dict(state.progress.next_offsets)
            for partition, offset in known.items():
                assert found.get(partition, 0) >= offset, f"a position went back to {found}"
            if found != known:
                check_consistency(state.cube, self.checked)
                self.checked += 1
        return found
