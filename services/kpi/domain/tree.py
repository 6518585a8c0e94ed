"""The unit tree of a catalogue version, with everything the fold needs precomputed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; ``parent_id`` is empty for the root only."""

    unit_id: str
    parent_id: str
    is_institution: bool = False


class UnitTree:
    """A frozen tree. Units are numbered in depth-first order, so that a subtree is a range.

    Args:
        units: all units, in any order; exactly one has no parent.

    Raises:
        ValueError: no root or several, or a parent is missing, or there is a cycle.
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        units = list(units)
        children: dict[str, list[Unit]] = {}
        for unit in units:
            children.setdefault(unit.parent_id, []).append(unit)
        roots = children.get("", [])
        if len(roots) != 1:
            raise ValueError(f"a tree has one root, not {len(roots)}")
        self.ids: list[str] = []
        self.ancestors: list[tuple[int, ...]] = []
        self.institution: list[int | None] = []
        self._walk(roots[0], (), None, children)
        if len(self.ids) != len(units):
            raise ValueError("a unit has an unknown parent, or there is a cycle")
        self.number = {unit_id: number for number, unit_id in enumerate(self.ids)}
        self._children = {
            parent: [self.number[unit.unit_id] for unit in below]
            for parent, below in children.items()
        }

    def above(self, unit_id: str) -> list[str]:
        """Return the ids of a unit of the tree and of all units above it, the unit first."""
        return [self.ids[number] for number in self.ancestors[self.number[unit_id]]]

    def _walk(
        self,
        unit: Unit,
        above: tuple[int, ...],
        institution: int | None,
        children: dict[str, list[Unit]],
    ) -> None:
        number = len(self.ids)
        self.ids.append(unit.unit_id)
        self.ancestors.append((number, *above))
        self.institution.append(number if unit.is_institution else institution)
        for child in sorted(children.get(unit.unit_id, ()), key=lambda u: u.unit_id):
            self._walk(child, (number, *above), self.institution[number], children)

    def children(self, number: int) -> Sequence[int]:
        """Return the child units of a unit, in order of id."""
        return self._children.get(self.ids[number], ())

    def institutions(self) -> list[int]:
        """Return the institutions of the tree, in order of id."""
        return [n for n, institution in enumerate(self.institution) if institution == n]

    def meeting(self, one: int, other: int) -> int:
        """Return the lowest common ancestor of two units; a unit is its own ancestor."""
        above = set(self.ancestors[one])
        return next(number for number in self.ancestors[other] if number in above)

    def holds(self, upper: int, lower: int) -> bool:
        """Return True if unit ``lower`` is ``upper`` or below it."""
        return upper in self.ancestors[lower]
