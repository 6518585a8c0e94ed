"""A preview: folds events that are not in the log over the works of a view, without changing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.kpi.domain.catalogue import Catalogue, Component, Indicator
from services.kpi.domain.cube import Cube, Range, Ratio, Row, Value
from services.kpi.domain.fold import CellKey, RowKey, fold, roll_up
from services.kpi.domain.targets import is_measured
from services.kpi.domain.work import Key, Statement, Work

MONTHS_OF_YEAR = 12
NOTHING = Work()

Both = tuple[Value, Value]
"""(declared value, verified value)."""


class Preview:
    """Works as they would be after some events, and how these change the rows of the view.

    The view itself and the given works are not changed.

    Args:
        catalogue: the view's catalogue.
        works: work key -> work as the view has it; missing works are new.
    """

    def __init__(self, catalogue: Catalogue, works: Mapping[str, Work]) -> None:
        self._catalogue = catalogue
        self._works = dict(works)
        self._changes: dict[Key, int] = {}

    def fold(self, work_key: str, name: str, statement: Statement) -> None:
        """Fold one statement into its work, in this preview only.

        A statement that is not newer than the work's has no effect.

        Args:
            work_key: key of the work.
            name: full name of the submission.
            statement: its statement.
        """
        known = self._works.get(work_key, NOTHING)
        work, changes = fold(known, name, statement, self._catalogue)
        self._works[work_key] = work
        for key, value in changes.items():
            self._changes[key] = self._changes.get(key, 0) + value

    def rows(self) -> dict[RowKey, dict[CellKey, int]]:
        """Return how all statements so far change the rows: row key -> cell key -> difference.

        The differences are rolled up along the tree, without zeros.
        """
        return roll_up(self._changes, self._catalogue)


@dataclass(frozen=True, slots=True)
class Effect:
    """One number that a preview changes.

    Args:
        unit_id: unit of the number.
        code: code of the indicator.
        months: first and last month.
        stages: the values now, then after each stage of the events.
    """

    unit_id: str
    code: str
    months: Range
    stages: tuple[Both, ...]


class Effects:
    """The numbers that a preview changes, in several stages, e.g. submitted and then verified.

    Args:
        catalogue: the view's catalogue.
        stages: for each stage, how the rows of the present view change: row key -> row of
            differences.
        by_month: whether to compare months instead of years.
        now: the present month, counted from year 0; stocks are compared up to its month or year.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        stages: Sequence[Mapping[RowKey, Row]],
        by_month: bool,
        now: int,
    ) -> None:
        self._catalogue = catalogue
        self._stages = stages
        self._step = 1 if by_month else MONTHS_OF_YEAR
        self._now = now
        self._touched: dict[tuple[str, str], set[int]] = {}
        for rows in stages:
            for (unit_id, month), row in rows.items():
                for column, _ in row:
                    self._touched.setdefault((unit_id, column), set()).add(month // self._step)

    def excerpt(self, cube: Cube) -> Cube:
        """Return a copy of those cells of the view that `compare` needs, as a new cube.

        The view may change afterwards without affecting the copy.
        """
        units = {unit_id for unit_id, _ in self._touched}
        columns = {column for _, column in self._touched}
        indicators = [i for i in self._catalogue.indicators.values() if self._uses(i) & columns]
        needed = {column for indicator in indicators for column in self._uses(indicator)}
        return cube.excerpt((unit, column) for unit in units for column in needed)

    def compare(self, before: Cube, targets: Mapping[str, int]) -> Iterator[Effect]:
        """Yield the numbers that differ, by unit in tree order, then indicator, then period.

        Numbers that are the same in all stages, or undefined in all, are left out.

        Args:
            before: cells of the view, as `excerpt` returned them.
            targets: `<unit id>|<indicator code>|<year>` -> target.
        """
        cubes = [before]
        for rows in self._stages:
            after = before.excerpt(before.columns())
            after.add(rows)
            cubes.append(after)
        units = {unit_id for unit_id, _ in self._touched}
        for unit_id in sorted(units, key=self._catalogue.tree.number.__getitem__):
            for indicator in self._catalogue.indicators.values():
                yield from self._of(unit_id, indicator, cubes, targets)

    def _of(
        self, unit_id: str, indicator: Indicator, cubes: Sequence[Cube], targets: Mapping[str, int]
    ) -> Iterator[Effect]:
        ranges = self._ranges(unit_id, indicator)
        if not ranges:
            return
        base = self._catalogue.indicators.get(indicator.attainment_of, indicator)
        by_month = self._step == 1
        divisors = [
            targets.get(f"{unit_id}|{base.code}|{months[1] // 12}", 0)
            if is_measured(base, months, by_month=by_month)
            else 0
            for months in ranges
        ]
        found = [
            [cube.values(unit_id, indicator, measure, ranges, divisors) for measure in (0, 1)]
            for cube in cubes
        ]
        for position, months in enumerate(ranges):
            stages = tuple((both[0][position], both[1][position]) for both in found)
            if len(set(stages)) > 1 and any(map(_is_defined, (v for s in stages for v in s))):
                yield Effect(unit_id, indicator.code, months, stages)

    def _ranges(self, unit_id: str, indicator: Indicator) -> list[Range]:
        """Return the periods in which the value of an indicator at a unit may change, in order."""
        periods: set[int] = set()
        for component in self._components(indicator):
            touched: set[int] = set()
            for column in self._columns(component):
                touched |= self._touched.get((unit_id, column), set())
            if touched and component.is_stock:
                # Not up to the end of the stock, which may be centuries ahead.
                last = max(min(touched), self._now // self._step)
                touched = set(range(min(touched), last + 1))
            periods |= touched
        step = self._step
        return [(period * step, period * step + step - 1) for period in sorted(periods)]

    def _uses(self, indicator: Indicator) -> set[str]:
        return {c for part in self._components(indicator) for c in self._columns(part)}

    def _components(self, indicator: Indicator) -> list[Component]:
        counted = self._catalogue.indicators[indicator.attainment_of or indicator.code]
        return [part for part in (counted.value, counted.denominator) if part is not None]

    def _columns(self, component: Component) -> list[str]:
        numbers = (self._catalogue.number[component, measure, ""] for measure in (0, 1))
        return [self._catalogue.columns[number].name for number in numbers]


def _is_defined(value: Value) -> bool:
    return not isinstance(value, Ratio) or bool(value.denominator)
