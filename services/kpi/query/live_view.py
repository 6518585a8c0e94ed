"""The live view in this process's memory: refreshed from MongoDB, read by every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from kieng.kpi.v1 import view_pb2
from services.kernel.errors import Unavailable
from services.kpi import metrics
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.cube import Cube
from services.kpi.domain.targets import Target
from services.kpi.query.cells import EncodedCells, Selection, encode_cells
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.reads import Progress, Snapshots
from services.kpi.store.targets import Targets
from services.kpi.store.views import View

TARGETS_SECONDS = 1.0
DISMISSED_SECONDS = 1.0
MIN_PROGRESS_SECONDS = 2.0


@dataclass(slots=True)
class ViewState:
    """The live view at one position. Read it only under the lock of its `LiveView`.

    Args:
        view: the view.
        catalogue: its catalogue.
        cube: its cells.
        progress: the position.
        targets: `Target.key` -> target.
        change: number of refreshes that changed something; never decreases.
        dismissed: number of open parked records that an operator dismissed.
        encoded: cache of encoded cells.
    """

    view: View
    catalogue: Catalogue
    cube: Cube
    progress: Progress
    targets: Mapping[str, Target]
    change: int
    dismissed: int = 0
    encoded: EncodedCells = field(default_factory=EncodedCells)

    def judged_on(self, on: date) -> date | None:
        """Return the day on which targets are judged, i.e. ``on``; None if no event was read yet.

        Without an event no target is behind.
        """
        return on if self.progress.newest_event_ms else None


def state_cells(state: ViewState, selection: Selection, on: date) -> list[view_pb2.Cell]:
    """Return the selected cells of a state as protobuf messages, see `encode_cells`.

    Args:
        state: the state, under its lock.
        selection: the requested cells.
        on: day for which the pace of targets is computed, as `told_on` returns it.
    """
    day = state.judged_on(on)
    return encode_cells(state.cube, state.targets, selection, day, state.encoded)


class LiveView:
    """Holds the live view in memory as a `ViewState`. One thread refreshes it, any thread reads it.

    Args:
        catalogues: finds the live view and its catalogue.
        snapshots: reads the stored view.
        targets: reads the targets.
        loaded: called after a whole view has been read.
    """

    def __init__(
        self,
        catalogues: Catalogues,
        snapshots: Snapshots,
        targets: Targets,
        loaded: Callable[[], object] = lambda: None,
    ) -> None:
        self._catalogues = catalogues
        self._snapshots = snapshots
        self._targets = targets
        self._loaded = loaded
        self._moved = threading.Condition(threading.RLock())
        self._listeners: set[threading.Event] = set()
        self._view_state: ViewState | None = None
        self._targets_due = 0.0
        self._dismissed: tuple[str, int, int] = ("", 0, 0)
        """View id, its number of parked records, and how many were then counted as dismissed."""
        self._dismissed_due = 0.0
        self.refreshed_at = 0.0

    def refresh(self) -> bool:
        """Apply what was stored since the last refresh; cheap if nothing was.

        Returns:
            Whether anything changed; False if no view is live.
        """
        live = self._catalogues.live()
        if live is None:
            return False
        targets = self._fresh_targets()
        state = self._view_state
        if state is None or state.view.view_id != live.view_id:
            catalogue = self._catalogues.catalogue(live.catalogue_version)
            nothing = Progress({}, 0, 0, frozenset())
            change, known = (state.change, state.targets) if state else (0, {})
            state = ViewState(live, catalogue, Cube(catalogue), nothing, known, change)
        progress = self._snapshots.progress(live.view_id)
        stays = state is self._view_state and progress == state.progress and state.view == live
        dismissed = self._fresh_dismissed(live, progress)
        stays = stays and dismissed == state.dismissed
        if stays and targets in (None, state.targets):
            return False
        since, is_new = state.progress.next_offsets, state is not self._view_state
        progress, rows = self._snapshots.changes(live.view_id, since)
        dismissed = self._fresh_dismissed(live, progress)
        with self._moved:
            for row in rows:
                take = state.cube.put if row.is_whole else state.cube.change
                take(row.partition, row.unit_id, row.month, row.cells)
            state.view, state.progress, state.dismissed = live, progress, dismissed
            state.targets = state.targets if targets is None else targets
            state.change += 1
            self._view_state = state
            self._moved.notify_all()
            for event in self._listeners:
                event.set()
        if is_new:
            self._loaded()
        metrics.PARKED.set(max(progress.parked - dismissed, 0))
        metrics.PARKED_DISMISSED.set(dismissed)
        metrics.VIEW_EVENT_TIMESTAMP.set(progress.newest_event_ms / 1000)
        return True

    def _fresh_targets(self) -> Mapping[str, Target] | None:
        if time.monotonic() < self._targets_due:
            return None
        self._targets_due = time.monotonic() + TARGETS_SECONDS
        return {target.key: target for target in self._targets.all()}

    def _fresh_dismissed(self, live: View, progress: Progress) -> int:
        """Return the number of dismissed records, counted again each second and with `parked`."""
        if not progress.parked:
            return 0
        view_id, parked, dismissed = self._dismissed
        is_same = (view_id, parked) == (live.view_id, progress.parked)
        if is_same and time.monotonic() < self._dismissed_due:
            return dismissed
        self._dismissed_due = time.monotonic() + DISMISSED_SECONDS
        self._dismissed = (live.view_id, progress.parked, self._snapshots.dismissed(live))
        return self._dismissed[2]

    def dismissals_changed(self) -> None:
        """Make the next refresh count the dismissed records again, instead of within a second."""
        self._dismissed_due = 0.0

    def targets_changed(self) -> None:
        """Make the next refresh read the targets again, even if they were read within a second."""
        self._targets_due = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether a live view has been loaded, so that `read` does not refuse."""
        return self._view_state is not None

    def reaches(self, progress: Mapping[int, int]) -> bool:
        """Wait at most 2 seconds for the view to have read up to a position; return whether it has.

        Args:
            progress: partition -> next offset.
        """
        with self._moved:
            return self._moved.wait_for(lambda: self._is_at(progress), MIN_PROGRESS_SECONDS)

    @contextmanager
    def read(self, min_progress: Mapping[int, int] | None = None) -> Iterator[ViewState]:
        """Yield the present state of the live view, which does not change during the block.

        Args:
            min_progress: partition -> next offset to wait for, for at most 2 seconds; None not to
                wait.

        Raises:
            Unavailable: no view is live, or the view did not reach the position in time. Retry.
        """
        with self._moved:
            deadline = time.monotonic() + (MIN_PROGRESS_SECONDS if min_progress else 0.0)
            while not self._is_at(min_progress or {}):
                left = deadline - time.monotonic()
                if left <= 0 or not self._moved.wait(left):
                    raise Unavailable("the view has not read that far yet; repeat", reason="BEHIND")
            if self._view_state is None:
                raise Unavailable("no view is live yet; publish a catalogue", reason="NO_VIEW")
            yield self._view_state

    def _is_at(self, min_progress: Mapping[int, int]) -> bool:
        known = self._view_state.progress.next_offsets if self._view_state else {}
        return all(known.get(partition, 0) >= offset for partition, offset in min_progress.items())

    @contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        """While the block runs, set an event whenever a refresh has changed something."""
        with self._moved:
            self._listeners.add(event)
        try:
            yield
        finally:
            with self._moved:
                self._listeners.discard(event)
