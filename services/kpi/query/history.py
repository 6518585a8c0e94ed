"""Past states of a view, read from kept days or recomputed by replays of the log."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta

from services.kernel.errors import InvalidArgument, WrongState
from services.kpi.domain.catalogue import Catalogue
from services.kpi.query.live_view import LiveView, ViewState
from services.kpi.replay.memory_projection import ReplayBound
from services.kpi.replay.runner import Replayed, ReplayRunner
from services.kpi.replay.tasks import Task
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.kept_days import Days, KeptDay
from services.kpi.store.reads import Progress
from services.kpi.store.views import View
from services.kpi.wire.rows import decode_cube, encode_rows

LATE = timedelta(hours=1)
"""Maximum delay after midnight at which the present state still counts as that of yesterday."""
IMAGES_KEPT = 4


def end_of(day: date, now: datetime) -> datetime:
    """Return the end of a calendar day, i.e. the next midnight, in the time zone of ``now``."""
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo) + timedelta(days=1)


class History:
    """Past states of a view, from kept days or replays. Thread-safe.

    Kept days are loaded by one thread at a time, so that each is decoded once. All callers share
    its cube, which is read-only.

    Args:
        catalogues: stored catalogues and views.
        days: stored kept days.
        replays: runs replays.
        log_id: returns the topic id of the present log.
        keep_days: age in days at which kept days are deleted, except the first of each month.
    """

    def __init__(
        self,
        catalogues: Catalogues,
        days: Days,
        replays: ReplayRunner,
        log_id: Callable[[], str],
        keep_days: int,
    ) -> None:
        self.days = days
        self._catalogues = catalogues
        self._keep_days = keep_days
        self._replays = replays
        self._log_id = log_id
        self._states: OrderedDict[str, tuple[KeptDay, ViewState]] = OrderedDict()
        self._loading = threading.Lock()
        """Held while the cached states are changed; a look-up needs no lock."""

    def keep_yesterday(self, live: LiveView, now: datetime) -> bool:
        """Store the live view as the kept day of yesterday; return whether this process stored it.

        Does nothing if it is stored already, if it is later than `LATE` after midnight, or if no
        view is live. Any number of processes may call this at once: one of them stores the day.
        Days that are too old are then deleted.

        Args:
            live: the live view.
            now: present time, in the time zone of the KPI service.
        """
        yesterday = now.date() - timedelta(days=1)
        if not live.is_ready or now - end_of(yesterday, now) > LATE:
            return False
        with live.read() as state:
            view, progress, digest = state.view, state.progress, state.cube.digest()
            rows = state.cube.rows()
        if self.days.has(view.view_id, yesterday.isoformat()):
            return False
        kept = KeptDay(
            yesterday.isoformat(),
            view.view_id,
            view.catalogue_version,
            now,
            progress.next_offsets,
            progress.newest_event_ms,
            progress.parked,
            digest,
        )
        is_kept = self.days.keep(kept, encode_rows(rows))
        self.days.prune(now.date(), self._keep_days)
        return is_kept

    def day(self, live: LiveView, day: date, now: datetime) -> tuple[KeptDay, ViewState]:
        """Return a kept day and the state of the view at its end, with the present targets.

        Args:
            live: the live view, for the targets.
            day: the day.
            now: present time, in the time zone of the KPI service.

        Raises:
            InvalidArgument: the day is not over. The caller's fault.
            WrongState: the day is not kept; the error names the nearest kept days.
        """
        if now < end_of(day, now):
            text = f"{day} is not over; leave as_of away to read the present"
            raise InvalidArgument(f"as_of: {text}", fields={"as_of": text})
        name = day.isoformat()
        known = self._states.get(name) or self._load(name)
        return known[0], self._with_targets(live, known[1])

    def _load(self, name: str) -> tuple[KeptDay, ViewState]:
        """Load a kept day into the cache and return it.

        Raises:
            WrongState: the day is not kept.
        """
        with self._loading:
            known = self._states.get(name)
            if known is not None:
                return known  # another caller loaded it meanwhile
            found = self.days.find(name)
            if found is None:
                raise self._not_kept(name)
            kept, content = found
            view = self._view(kept.view_id)
            progress = Progress(kept.next_offsets, kept.newest_event_ms, kept.parked, frozenset())
            known = kept, self._view_state(view, kept.catalogue_version, progress, content)
            self._states[name] = known
            while len(self._states) > IMAGES_KEPT:
                self._states.popitem(last=False)
            return known

    def _not_kept(self, name: str) -> WrongState:
        before, after = self.days.around(name)
        around = " and ".join(day for day in (before, after) if day) or "none"
        return WrongState(
            f"{name} is not kept (kept around it: {around}); a replay can recompute it",
            reason="NOT_KEPT",
            details={"before": before, "after": after},
        )

    def replay(
        self,
        live: LiveView,
        at: Mapping[int, int],
        day: date | None,
        now: datetime,
        is_wanted: Callable[[], bool],
    ) -> Iterator[tuple[int, int, ViewState | None]]:
        """Replay the live view's log up to a position.

        Yields (records read, records to read, state), with None for the state until the last step.

        Args:
            live: the live view, whose log is replayed.
            at: partition -> offset before which to stop, for every partition; empty for the
                position of the live view.
            day: exclude records that the log received after this day; None excludes none.
            now: present time, in the time zone of the KPI service.
            is_wanted: returns False once the caller has left.

        Raises:
            InvalidArgument: an offset is beyond the live view's position, or a partition is
                missing.
            WrongState: the log is not the one of the live view (LOG_GONE).
        """
        with live.read() as state:
            view, reached = state.view, state.progress.next_offsets
        check_position(at, view.begins, reached)
        before = int(end_of(day, now).timestamp() * 1000) if day else 0
        bound = ReplayBound(dict(at or reached), before, view.generation, view.begins)
        total = bound.records
        for step in self.run(view, bound, is_wanted):
            if isinstance(step, Replayed):
                past = self._view_state(view, view.catalogue_version, step.progress, step.rows)
                yield total, total, self._with_targets(live, past)
            else:
                yield step, total, None

    def run(
        self,
        view: View,
        bound: ReplayBound,
        is_wanted: Callable[[], bool],
        task: Task | None = None,
        catalogue_version: int = 0,
    ) -> Iterator[int | Replayed]:
        """Replay the log of a view; yield numbers of records read, and last the result.

        Args:
            view: the view, whose log is replayed.
            bound: where to stop.
            is_wanted: returns False once the caller has left.
            task: what to do with the works; None for nothing.
            catalogue_version: catalogue to count with; 0 for that of the view.

        Raises:
            Exhausted: another replay is running in this process; retry later.
            WrongState: the log is not the one of the view (LOG_GONE).
        """
        # First, as the rest asks broker and database, which callers who only repeat must not.
        self._replays.need_free()
        if self._log_id() != view.topic_id:
            text = "the log that this view was made of is gone; only its kept days can be read"
            raise WrongState(text, reason="LOG_GONE")
        version = catalogue_version or view.catalogue_version
        message = self._catalogues.message(version)
        message.version = version
        yield from self._replays.run(view.view_id, message, bound, is_wanted, task)

    def _view(self, view_id: str) -> View:
        return next(view for view in self._catalogues.views() if view.view_id == view_id)

    def _view_state(
        self, view: View, version: int, progress: Progress, content: bytes
    ) -> ViewState:
        catalogue: Catalogue = self._catalogues.catalogue(version)
        return ViewState(view, catalogue, decode_cube(content, catalogue), progress, {}, 0)

    def _with_targets(self, live: LiveView, state: ViewState) -> ViewState:
        """Return a past state with the present targets, because targets have no history."""
        with live.read() as present:
            targets = present.targets
        # A new object, because calls must not share the cache of encoded cells in a state.
        past = ViewState(
            state.view, state.catalogue, state.cube, state.progress, targets, state.change
        )
        return past


def check_position(
    at: Mapping[int, int], begins: Mapping[int, int], reached: Mapping[int, int]
) -> None:
    """Check that a view has read up to a position to which the log is to be replayed.

    Args:
        at: partition -> offset of the position; empty for the view's own.
        begins: partition -> first offset of the view, where it is not 0.
        reached: partition -> next offset of the view.

    Raises:
        InvalidArgument: a partition is missing, unknown or not read that far, or begins later.
    """
    if not at:
        return
    problem = ""
    if set(at) != set(reached):
        named = ", ".join(map(str, sorted(reached)))
        problem = f"name the offset of every partition: {named}"
    else:
        ahead = sorted(partition for partition in at if at[partition] > reached[partition])
        early = sorted(partition for partition in at if at[partition] < begins.get(partition, 0))
        if ahead:
            problem = f"partition {ahead[0]} has been read to offset {reached[ahead[0]]} only"
        elif early:
            problem = f"partition {early[0]} begins at offset {begins.get(early[0], 0)}"
    if problem:
        raise InvalidArgument(f"at: {problem}", fields={"at": problem})
