"""The steps of a blue/green rebuild, from loading a view to the swap that makes it live.

The phases are `loading` the log up to the checkpoint of the live view, `verifying` every cell
against the oracle, and `following` the log until the pointer to the live view moves. The phase is
stored, so the process may be killed at any step and the next builder resumes there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.kpi.projection.followers import FOLLOW_GAP_MAX
from services.kpi.store.views import Vector, View, ViewProgress

PATIENCE_STEPS = 10
"""Number of steps for which a small gap is left to the aggregators before it is loaded by a job."""
FAILURES_MAX = 5
DIFFERENCES_TOLD_MAX = 20

log = structlog.get_logger()


class ViewStore(Protocol):
    """What a rebuild needs of the store of views; implemented by `store.catalogues.Catalogues`."""

    def views(self) -> list[View]:
        """Return all views, newest first."""

    def live(self) -> View | None:
        """Return the live view; None if there is none."""

    def view_progress(self, view_id: str) -> ViewProgress:
        """Return how far a view has read the log; an unknown view has read nothing."""

    def advance(self, view: View, phase: str) -> bool:
        """Move a view to another phase; return False if another process moved it before."""

    def refuse(self, view: View, reason: str) -> None:
        """Mark a view that is being built as refused, and store the reason."""

    def swap(self, view: View) -> bool:
        """Make a view that follows the log live; return False if it is not ready for that yet."""


class Failed(Exception):
    """A job of the rebuild failed; the message says why."""


@dataclass(frozen=True, slots=True)
class OracleReport:
    """Result of the comparison of a view with the oracle, the recomputation in SQL.

    Args:
        count: number of cells that differ.
        examples: the first of them, as text.
    """

    count: int = 0
    examples: Sequence[str] = ()


class Work(Protocol):
    """The long-running jobs of a rebuild; implemented by `jobs.RebuildJobs`."""

    def fold(self, view: View, ends: Vector) -> bool:
        """Start bringing partitions of a view up to offsets, or look whether it is done.

        Returns True once it is done, and False while it runs, so call it periodically.

        Args:
            view: the view that is being built.
            ends: partition -> offset to reach.

        Raises:
            Failed: the job failed.
        """

    def verify(self, view: View, ends: Vector) -> OracleReport | None:
        """Start comparing every cell of a view with the oracle, or look whether it is done.

        Returns the differences once it is done, and None while it runs, so call it periodically.

        Args:
            view: the view that is being built.
            ends: partition -> offset that the view has reached.

        Raises:
            Failed: the job failed.
        """

    def stop(self) -> None:
        """Stop all running jobs."""


class Rebuild:
    """The state machine of the view that is being built. Used by one thread.

    Args:
        views: store of all views.
        work: runs the long jobs.
    """

    def __init__(self, views: ViewStore, work: Work) -> None:
        self._views = views
        self._work = work
        self._gap: Mapping[int, int] = {}
        self._still = 0
        self._failures = 0

    def wanted(self) -> View | None:
        """Return the view to build while another one is live, the oldest first; None for none."""
        return next((view for view in reversed(self._views.views()) if view.phase), None)

    def step(self, view: View) -> None:
        """Advance the rebuild of a view by one step, without blocking. Call it periodically.

        The view is refused if the log of the live view has changed, after `FAILURES_MAX` failures,
        or if a check of the view fails.
        """
        live = self._views.live()
        if live is None or live.generation != view.generation or not live.has_its_log:
            self._work.stop()
            self._views.refuse(view, "LOG_DIVERGED: the log that it was built from is gone")
            return
        try:
            if view.phase == "loading":
                self._load(view, live)
            elif view.phase == "verifying":
                self._verify(view)
            else:
                self._follow(view, live)
        except Failed as failed:
            self._failures += 1
            log.warning("building a view failed", view_id=view.view_id, reason=str(failed))
            if self._failures >= FAILURES_MAX:
                self._failures = 0
                self._views.refuse(view, str(failed))

    def _load(self, view: View, live: View) -> None:
        here = self._views.view_progress(view.view_id)
        if left := here.lag(view.targets):
            self._work.fold(view, {p: view.targets[p] for p in left})
            return
        allowed = view.parked_max
        if allowed is None:
            allowed = self._views.view_progress(live.view_id).parked
        if here.parked > allowed:
            text = (
                f"PARKS_MORE: {here.parked} records cannot be folded with this catalogue, "
                f"{allowed} are allowed; publish it with parked_max {here.parked} to take it"
            )
            self._views.refuse(view, text)
            return
        self._advance(view, "verifying")

    def _verify(self, view: View) -> None:
        found = self._work.verify(view, view.targets)
        if found is None:
            return
        if found.count:
            told = "; ".join(found.examples[:DIFFERENCES_TOLD_MAX])
            text = f"ORACLE_DIFFERS: {found.count} cells are not as in SQL: {told}"
            self._views.refuse(view, text)
            return
        self._advance(view, "following")

    def _follow(self, view: View, live: View) -> None:
        gap = self._views.view_progress(view.view_id).lag(
            self._views.view_progress(live.view_id).vector
        )
        if not gap:
            if self._views.swap(view):
                log.info("another view answers now", view_id=view.view_id, former=live.view_id)
                self._failures = self._still = 0
            return
        self._still = self._still + 1 if gap == self._gap else 0
        self._gap = gap
        if self._still > PATIENCE_STEPS or max(gap.values()) > FOLLOW_GAP_MAX:
            ends = self._views.view_progress(live.view_id).vector
            self._work.fold(view, {p: ends[p] for p in gap})

    def _advance(self, view: View, phase: str) -> None:
        if self._views.advance(view, phase):
            self._failures = 0
            log.info("a view is built further", view_id=view.view_id, phase=phase)
