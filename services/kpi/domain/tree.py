"""The unit tree of a catalogue version, with precomputed ancestors for the fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the tree.

    Args:
        unit_id: id of the unit.
        parent_id: id of its parent; empty for the root only.
        is_institution: whether the unit is an institution, i.e. a tenant.
    """

    unit_id: str
    parent_id: str
    is_institution: bool = False


class UnitTree:
    """A frozen unit tree. Units are numbered in depth-first order, so that a subtree is a range.

    ``ids`` holds the id of each unit, ``ancestors`` the unit and its ancestors up to the root, and
    ``institution`` the number of the institution that the unit belongs to, or None: each is indexed
    by unit number. ``number`` maps an id to the unit's number.

    Args:
        units: all units, in any order; exactly one has no parent.

    Raises:
        ValueError: there is no root or more than one, a parent is missing, or there is a cycle.
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
        """Return the ids of a unit and all its ancestors, from the unit up to the root.

        Raises KeyError for a unit that is not in the tree.
        """
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
        """Return the numbers of a unit's children, in order of id; empty if it has none."""
        return self._children.get(self.ids[number], ())

    def institutions(self) -> list[int]:
        """Return the numbers of all institutions, in depth-first order."""
        return [n for n, institution in enumerate(self.institution) if institution == n]

    def meeting(self, one: int, other: int) -> int:
        """Return the number of two units' lowest common ancestor; a unit is its own ancestor."""
        above = set(self.ancestors[one])
        return next(number for number in self.ancestors[other] if number in above)

    def holds(self, upper: int, lower: int) -> bool:
        """Return True if unit ``lower`` is unit ``upper`` or below it."""
        return upper in self.ancestors[lower]
