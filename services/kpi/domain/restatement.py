"""Restatement of a closed period: one line per changed work; the lines add up to every cell.

Frozen works name units and columns, so that works of another log or catalogue are comparable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from services.kpi.domain.catalogue import Catalogue, Component
from services.kpi.domain.cube import Range
from services.kpi.domain.restated_claims import FrozenWork, RestatedClaim, restated_claims

EditionCellKey = tuple[str, str, int]
"""(unit id, indicator code, part): part 0 is the value or numerator, 1 the denominator."""


@dataclass(slots=True)
class Line:
    """One line of a restatement: a work whose contribution changed since a period was closed.

    ``claims`` are its changed submissions; ``changes`` maps each changed cell to the difference,
    which is the present value minus the closed one.
    """

    work_key: str
    claims: list[RestatedClaim]
    changes: dict[EditionCellKey, int] = field(default_factory=dict)


class Restatement:
    """Compares frozen works with present ones, for the cells of a subtree and a range of months.

    Args:
        catalogue: the edition's catalogue.
        unit_id: root of the subtree.
        months: first and last month of the edition, both included.
        measure: 0 declared, 1 verified.
    """

    def __init__(self, catalogue: Catalogue, unit_id: str, months: Range, measure: int) -> None:
        self._catalogue = catalogue
        self._measure = measure
        self._months = months
        tree = catalogue.tree
        top = tree.number[unit_id]
        self._above = {
            tree.ids[number]: [tree.ids[n] for n in tree.ancestors[number] if tree.holds(top, n)]
            for number in range(len(tree.ids))
            if tree.holds(top, number)
        }
        self._columns: dict[str, tuple[Component, list[tuple[str, int]]]] = {}
        for indicator in catalogue.indicators.values():
            for part, component in enumerate((indicator.value, indicator.denominator)):
                if component is not None:
                    name = catalogue.columns[catalogue.number[component, measure, ""]].name
                    known = self._columns.setdefault(name, (component, []))
                    known[1].append((indicator.code, part))

    def lines(self, old: Iterable[FrozenWork], new: Iterable[FrozenWork]) -> list[Line]:
        """Return one line for each work that changed a cell, in order of work key.

        Works that changed no cell of the subtree and range are left out. A member that a distinct
        count gains or loses is attributed to the first work that caused it.

        Args:
            old: works as they were when the period was closed, in order of key.
            new: works as they are now, in order of key.
        """
        found: list[Line] = []
        # Members of distinct counts: how often each was named, and changes as (line, difference).
        named: Counter[tuple[str, str, str]] = Counter()
        renamed: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        for before, now in _pairs(old, new):
            if _is_settled(before, now):
                continue
            was, is_now = self._rolled(before), self._rolled(now)
            for place, value in was.items():
                if place[2]:
                    named[place] += value
            changes = {
                place: is_now.get(place, 0) - was.get(place, 0)
                for place in was.keys() | is_now.keys()
                if is_now.get(place, 0) != was.get(place, 0)
            }
            if not changes:
                continue
            line = Line(_key(before, now), restated_claims(before, now, self._measure, self._above))
            for (unit_id, column, member), change in changes.items():
                if member:
                    slot = renamed.setdefault((unit_id, column, member), [])
                    slot.append((len(found), change))
                else:
                    self._add(line, unit_id, column, change)
            found.append(line)
        self._count_members(found, named, renamed)
        return [line for line in found if line.changes]

    def _rolled(self, work: FrozenWork | None) -> dict[tuple[str, str, str], int]:
        """Return a work's sums of the range, rolled up: (unit id, column name, member) -> value."""
        first, last = self._months
        total: Counter[tuple[str, str, str]] = Counter()
        for (unit_id, month, column, member), value in (work.contributed if work else {}).items():
            known = self._columns.get(column)
            if known is None or month > last or (month < first and not known[0].is_stock):
                continue
            for above in self._above.get(unit_id, ()):
                total[above, column, member] += value
        return {place: value for place, value in total.items() if value}

    def _add(self, line: Line, unit_id: str, column: str, change: int) -> None:
        for code, part in self._columns[column][1]:
            key = (unit_id, code, part)
            line.changes[key] = line.changes.get(key, 0) + change

    def _count_members(
        self,
        lines: list[Line],
        named: Mapping[tuple[str, str, str], int],
        renamed: Mapping[tuple[str, str, str], list[tuple[int, int]]],
    ) -> None:
        """Attribute an added or removed member to the first work, by key, that caused it."""
        for (unit_id, column, member), changes in renamed.items():
            before = named.get((unit_id, column, member), 0)
            now = before + sum(change for _, change in changes)
            sign = (now > 0) - (before > 0)
            if sign:
                number = next(number for number, change in changes if change * sign > 0)
                self._add(lines[number], unit_id, column, sign)


def _key(old: FrozenWork | None, new: FrozenWork | None) -> str:
    work = new or old
    assert work is not None
    return work.work_key


def _is_settled(old: FrozenWork | None, new: FrozenWork | None) -> bool:
    """Return True if a work needs no comparison: it is unchanged and names no member."""
    if old is None or new is None or old.contributed != new.contributed:
        return False
    return not any(member for *_, member in old.contributed)


def _pairs(
    old: Iterable[FrozenWork], new: Iterable[FrozenWork]
) -> Iterator[tuple[FrozenWork | None, FrozenWork | None]]:
    """Merge-join frozen and present works, both sorted by key; neither has to fit into memory."""
    olds, news = iter(old), iter(new)
    before, now = next(olds, None), next(news, None)
    while before is not None or now is not None:
        if now is None or (before is not None and before.work_key < now.work_key):
            yield before, None
            before = next(olds, None)
        elif before is None or now.work_key < before.work_key:
            yield None, now
            now = next(news, None)
        else:
            yield before, now
            before, now = next(olds, None), next(news, None)
