"""Takes a view that is built beside the live one from step to step, until it answers.

`loading` the log up to where the live view stood, `verifying` every cell against the oracle,
`following` the log; then the pointer moves. Whoever runs this may die at any step: what was reached
is stored, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.kpi.projection.followers import FOLLOW_GAP_MAX
from services.kpi.store.views import Vector, View, ViewProgress

PATIENCE_STEPS = 10
"""Steps for which a small gap may stay as it is: nothing new may come that would close it."""
FAILURES_MAX = 5
DIFFERENCES_TOLD_MAX = 20

log = structlog.get_logger()


class ViewStore(Protocol):
    """What building needs of the registry; `store.catalogues.Catalogues` is the real one."""

    def views(self) -> list[View]:
        """Return all views, newest first."""

    def live(self) -> View | None:
        """Return the view that answers."""

    def view_progress(self, view_id: str) -> ViewProgress:
        """Return how far a view has read."""

    def advance(self, view: View, phase: str) -> bool:
        """Move a view on to a phase."""

    def refuse(self, view: View, reason: str) -> None:
        """Give a view up."""

    def swap(self, view: View) -> bool:
        """Let a view take over; say whether it did."""


class Failed(Exception):
    """A piece of work ended badly; says why."""


@dataclass(frozen=True, slots=True)
class OracleReport:
    """What the oracle says of a view: how many cells differ, and some of them in words."""

    count: int = 0
    examples: Sequence[str] = ()


class Work(Protocol):
    """Long work on a view, done elsewhere; the real one is `jobs.RebuildJobs`."""

    def fold(self, view: View, ends: Vector) -> bool:
        """Bring partitions up to offsets; True when done, False while it goes on.

        Raises:
            Failed: it ended badly.
        """

    def verify(self, view: View, ends: Vector) -> OracleReport | None:
        """Compare every cell with the oracle; None while it goes on.

        Raises:
            Failed: it ended badly.
        """

    def stop(self) -> None:
        """End what still runs."""


class Rebuild:
    """The steps of the one view that is being built. Used by one thread.

    Args:
        views: all views.
        work: does what takes long.
    """

    def __init__(self, views: ViewStore, work: Work) -> None:
        self._views = views
        self._work = work
        self._gap: Mapping[int, int] = {}
        self._still = 0
        self._failures = 0

    def wanted(self) -> View | None:
        """Return the view that is to be built, if any."""
        return next((view for view in reversed(self._views.views()) if view.phase), None)

    def step(self, view: View) -> None:
        """Go one step on; call it again and again."""
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
