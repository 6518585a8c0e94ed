"""Compares an edition with the present: changes by work, and the cells that they restate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

from services.kernel.errors import WrongState
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Range, Ratio, Value
from services.kpi.domain.months import month_range
from services.kpi.domain.restatement import Line
from services.kpi.editions.closing import read_content, start_of, subtree
from services.kpi.query.history import History
from services.kpi.query.live_view import LiveView
from services.kpi.replay.runner import Replayed
from services.kpi.replay.tasks import Task, decode_lines
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.editions import Editions
from services.kpi.store.views import View
from services.kpi.wire.rows import decode_cube

Cells = dict[tuple[str, str], Value]
"""(unit id, indicator code) -> value, for all cells that are sums over works."""


@dataclass(frozen=True, slots=True)
class RestatedCell:
    """A cell of an edition, at closing and now.

    Args:
        unit_id: unit of the cell.
        indicator_code: indicator of the cell.
        closed: value at closing; None if the edition's catalogue lacks the cell.
        by_works: parts of the difference that changed works make, see `parts_over`.
        by_definitions: parts of the difference that another catalogue makes; None if the catalogue
            version is the same.
        now: present value; None if the present catalogue lacks the cell.
        divisor: common divisor of both differences: 1 for counts, 0 for a ratio.
    """

    unit_id: str
    indicator_code: str
    closed: Value | None
    by_works: tuple[int, int]
    by_definitions: tuple[int, int] | None
    now: Value | None
    divisor: int = 1

    @property
    def adds_up(self) -> bool:
        """Whether the closed value plus both differences gives the present value exactly."""
        closed, now = (parts_over(self.divisor, value) for value in (self.closed, self.now))
        defined = self.by_definitions or (0, 0)
        return all(closed[i] + self.by_works[i] + defined[i] == now[i] for i in (0, 1))

    @property
    def is_changed(self) -> bool:
        """Whether works or definitions changed the numerator or the denominator."""
        return any(self.by_works) or any(self.by_definitions or ())


@dataclass(frozen=True, slots=True)
class Restated:
    """The restatement of an edition: how the present numbers differ from it, and why.

    Args:
        view: the live view that the edition was compared with.
        digest: digest of that view at the position of the replay.
        replayed: result of the replay.
        lines: changes by work, in order of work key.
        cells: the changed cells.
        adds_up: whether the changes explain every cell exactly.
        divisors: of what the lines changed, see `divisors_of`.
    """

    view: View
    digest: str
    replayed: Replayed
    lines: list[Line]
    cells: list[RestatedCell]
    adds_up: bool
    divisors: Mapping[str, int]


class EditionComparer:
    """Compares editions with the present. Thread-safe.

    Args:
        catalogues: stored catalogues and views.
        editions: store of editions.
        history: replays the log.
    """

    def __init__(self, catalogues: Catalogues, editions: Editions, history: History) -> None:
        self._catalogues = catalogues
        self._editions = editions
        self._history = history

    def compare(
        self, live: LiveView, edition_id: str, measure: int, is_wanted: Callable[[], bool]
    ) -> Iterator[tuple[int, int, Restated | None]]:
        """Compare an edition with the live view by replaying the log.

        Yields (records read, records to read, restatement); the restatement is None until the last
        step.

        Args:
            live: the live view to compare with.
            edition_id: id of the edition.
            measure: 0 declared, 1 verified.
            is_wanted: returns False once the caller has left, which ends the replay.

        Raises:
            NotFound: there is no such edition.
            WrongState: the edition's frozen works do not match its signature, the log is gone, or a
                replay does not give the numbers of the live view.
        """
        edition, content = self._editions.get(edition_id)
        document = read_content(content)
        catalogue = self._catalogues.catalogue(edition.catalogue_version)
        months = month_range(edition.from_month, edition.to_month)
        task = Task(
            edition.unit_id,
            self._editions.works(edition_id),
            document["works_sha256"],
            months,
            measure,
        )
        with live.read() as state:
            start = start_of(state)
            is_same = state.view.catalogue_version == edition.catalogue_version
            divisors, present = divisors_of(catalogue), divisors_of(state.catalogue)
            now = {} if is_same else cells_of(state.cube, edition.unit_id, months, measure)
        total, version = start.bound.records, edition.catalogue_version
        for step in self._history.run(start.view, start.bound, is_wanted, task, version):
            if not isinstance(step, Replayed):
                yield step, total, None
                continue
            cube = decode_cube(step.rows, catalogue)
            again = cells_of(cube, edition.unit_id, months, measure)
            lines = list(decode_lines(step.made))
            closed = closed_cells(document, catalogue, measure)
            other = (again, None) if is_same else (now, present)
            cells = list(compare(closed, again, lines, divisors, *other))
            if is_same and step.digest != start.digest:
                text = "the log does not give the numbers of the view; ask `kieng doctor`"
                raise WrongState(text, reason="NOT_REPRODUCED")
            adds_up = all(cell.adds_up for cell in cells)
            changed = [cell for cell in cells if cell.is_changed]
            yield (
                total,
                total,
                Restated(start.view, start.digest, step, lines, changed, adds_up, divisors),
            )


def parts_over(divisor: int, value: Value | None) -> tuple[int, int]:
    """Return (numerator, denominator) of a value, which add up; 0 for None.

    The denominator is 0, except that of a ratio, which has two integers of its own.

    Args:
        divisor: divisor of the numerator; 0 for a ratio.
        value: the value; its own denominator divides the divisor unless that is 0.
    """
    if not isinstance(value, Ratio):
        return (value or 0) * (divisor or 1), 0
    if not divisor:
        return value.numerator, value.denominator
    return value.numerator * (divisor // value.denominator), 0


def divisors_of(catalogue: Catalogue) -> dict[str, int]:
    """Return indicator code -> divisor of its integers, 0 for a ratio; counts are left out.

    The integers of an indicator in parts, e.g. a fraction, add up and are divided to be shown. A
    ratio has two integers, of which each adds up.
    """
    return {
        each.code: 0 if each.denominator is not None else each.value.parts
        for each in counted(catalogue.indicators.values())
        if each.value is not None and (each.denominator is not None or each.value.parts > 1)
    }


def counted(indicators: Iterable[Indicator]) -> list[Indicator]:
    """Return the indicators that are sums over works, i.e. all except attainments."""
    return [indicator for indicator in indicators if not indicator.attainment_of]


def cells_of(cube: Cube, unit_id: str, months: Range, measure: int) -> Cells:
    """Return (unit id, indicator code) -> value of a subtree over a range, including zeros.

    Attainments are left out; the result is empty if the catalogue lacks the unit.

    Args:
        cube: cells of a view.
        unit_id: root of the subtree.
        months: first and last month of the period.
        measure: 0 declared, 1 verified.
    """
    indicators = counted(cube.catalogue.indicators.values())
    return {
        (unit, indicator.code): cube.value(unit, indicator, measure, *months, 0)
        for unit in subtree(cube.catalogue, unit_id)
        for indicator in indicators
    }


def closed_cells(document: Mapping[str, Any], catalogue: Catalogue, measure: int) -> Cells:
    """Return (unit id, indicator code) -> value of every cell of an edition, in one measure.

    Cells that it does not list are zero.

    Args:
        document: decoded content of the edition.
        catalogue: the edition's catalogue.
        measure: 0 declared, 1 verified.
    """
    empty = Cube(catalogue)
    cells = cells_of(empty, document["unit"], (0, 0), measure)
    for unit, code, *both in document["cells"]:
        if (unit, code) in cells:
            value = both[measure]
            cells[unit, code] = Ratio(*value) if isinstance(value, list) else value
    return cells


def compare(
    closed: Cells,
    again: Cells,
    lines: Iterable[Line],
    divisors: Mapping[str, int],
    now: Cells,
    present: Mapping[str, int] | None = None,
) -> Iterator[RestatedCell]:
    """Yield every cell of an edition or of the present, in order, with its values and causes.

    Args:
        closed: cells of the edition.
        again: present cells, counted with the edition's own catalogue.
        lines: changes by work.
        divisors: what `divisors_of` returns for the edition's catalogue.
        now: present cells, counted with the present catalogue.
        present: what it returns for the present catalogue; None if that is the same version.
    """
    by_works: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        for (unit, code, number), change in line.changes.items():
            by_works.setdefault((unit, code), [0, 0])[number] += change
    for key in sorted(closed.keys() | now.keys()):
        # A definition may count in other parts than before, e.g. whole works in fractions.
        own = divisors.get(key[1], 1)
        divisor = lcm(own, (present or {}).get(key[1], 1))
        works = [
            change * (divisor // own if divisor else 1) for change in by_works.get(key, (0, 0))
        ]
        definitions = None
        if present is not None:
            before, after = (parts_over(divisor, cells.get(key)) for cells in (again, now))
            definitions = (after[0] - before[0], after[1] - before[1])
        both = (works[0], works[1]), definitions
        yield RestatedCell(*key, closed.get(key), *both, now.get(key), divisor)
