"""Compares the live view with itself at an earlier position: changes by work, and the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from services.kernel.errors import InvalidArgument, WrongState
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.months import month_range
from services.kpi.editions.closing import ClosingPosition, start_of
from services.kpi.editions.restatements import Restated, cells_of, compare, divisors_of
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.query.history import History, check_position, end_of
from services.kpi.query.live_view import LiveView
from services.kpi.replay.memory_projection import ReplayBound
from services.kpi.replay.runner import Replayed
from services.kpi.replay.tasks import Task, decode_lines
from services.kpi.store.catalogues import Catalogues
from services.kpi.wire.rows import decode_cube


@dataclass(frozen=True, slots=True)
class Since:
    """What the present is compared with, and in which cells.

    Args:
        unit_id: root of the subtree; empty for the whole tree.
        from_month: first month, `YYYY-MM`.
        to_month: last month, included.
        at: partition -> offset of the earlier position; empty if a day is given.
        day: day whose end is the earlier position; None if a position is given.
        measure: 0 declared, 1 verified.
    """

    unit_id: str
    from_month: str
    to_month: str
    at: Mapping[int, int]
    day: date | None
    measure: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a subtree since an earlier position.

    ``unit_id`` is its root, ``restated`` what changed, and ``before`` the replay up to that
    position.
    """

    unit_id: str
    restated: Restated
    before: Replayed


def counted_code(code: str, catalogue: Catalogue) -> str:
    """Return the code of the indicator whose works change a number; empty for an empty code.

    It is the code itself or, for an attainment, that of the indicator that it is of.

    Raises:
        InvalidArgument: there is no such indicator. The caller's fault.
    """
    if not code:
        return ""
    return find_indicator(code, catalogue, "indicator_code").attainment_of or code


class ChangesComparer:
    """Compares the live view with earlier positions of its log. Thread-safe.

    Args:
        catalogues: stored catalogues.
        history: replays the log.
    """

    def __init__(self, catalogues: Catalogues, history: History) -> None:
        self._catalogues = catalogues
        self._history = history

    def compare(
        self, live: LiveView, since: Since, now: datetime, is_wanted: Callable[[], bool]
    ) -> Iterator[tuple[int, int, Changes | None]]:
        """Compare the live view with an earlier position by replaying the log up to both.

        Yields (records read, records to read, changes); the changes are None until the last step.

        Args:
            live: the live view.
            since: what to compare with.
            now: present time, in the time zone of the KPI service.
            is_wanted: returns False once the caller has left, which ends the replays.

        Raises:
            InvalidArgument: the unit is unknown, the range is invalid, the position is not one that
                the view passed through, or neither or both of a position and a day are given.
            WrongState: the log is gone (LOG_GONE), or does not give the numbers of the view.
        """
        months = month_range(since.from_month, since.to_month)
        with live.read() as state:
            unit_id = since.unit_id or state.catalogue.tree.ids[0]
            check_unit(unit_id, state.catalogue, "unit_id")
            start = start_of(state)
        bound = _bound(since, start, now)
        total = bound.records + start.bound.records
        before: Replayed | None = None
        for step in self._history.run(start.view, bound, is_wanted, Task(unit_id)):
            if isinstance(step, Replayed):
                before = step
            else:
                yield step, total, None
        if before is None:
            return  # the caller has left
        works, sha256 = before.made, before.facts["works_sha256"]
        task = Task(unit_id, works, sha256, months, since.measure)
        for step in self._history.run(start.view, start.bound, is_wanted, task):
            if not isinstance(step, Replayed):
                yield bound.records + step, total, None
                continue
            if step.digest != start.digest:
                text = "the log does not give the numbers of the view; ask `kieng doctor`"
                raise WrongState(text, reason="NOT_REPRODUCED")
            catalogue = self._catalogues.catalogue(start.view.catalogue_version)
            closed, again = (
                cells_of(decode_cube(each.rows, catalogue), unit_id, months, since.measure)
                for each in (before, step)
            )
            lines = list(decode_lines(step.made))
            divisors = divisors_of(catalogue)
            cells = list(compare(closed, again, lines, divisors, again))
            restated = Restated(
                start.view,
                start.digest,
                step,
                lines,
                [cell for cell in cells if cell.is_changed],
                all(cell.adds_up for cell in cells),
                divisors,
            )
            yield total, total, Changes(unit_id, restated, before)


def _bound(since: Since, start: ClosingPosition, now: datetime) -> ReplayBound:
    if bool(since.at) == (since.day is not None):
        text = "either a position or a day"
        raise InvalidArgument(f"at: {text}", fields={"at": text, "as_of": text})
    view, reached = start.view, start.bound.until
    check_position(since.at, view.begins, reached)
    before_ms = 0
    if since.day is not None:
        end = end_of(since.day, now)
        if now < end:
            text = f"{since.day} is not over"
            raise InvalidArgument(f"as_of: {text}", fields={"as_of": text})
        before_ms = int(end.timestamp() * 1000)
    return ReplayBound(dict(since.at or reached), before_ms, view.generation, view.begins)
