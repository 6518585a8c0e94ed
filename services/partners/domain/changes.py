"""What a new tree changes: which units it touches, whose they are, and the same change later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.kernel.errors import WrongState
from services.partners.domain.directory import Kind, Unit

TOPS = (Kind.CONSORTIUM, Kind.INSTITUTION)


@dataclass(frozen=True, slots=True)
class Change:
    """The difference of two trees.

    ``touched`` are the ids that a caller must reach to make it alone: units that change, units
    they move between, units that succeed them. An institution's own entry, by which it is a
    member at all, touches the consortium as well. ``affected`` are institutions.
    """

    touched: frozenset[str]
    affected: frozenset[str]


def difference(before: Sequence[Unit], after: Sequence[Unit]) -> Change:
    """Return what the second tree changes of the first; of no tree, everything."""
    old, new = ({unit.unit_id: unit for unit in units} for units in (before, after))
    roots = {unit.unit_id for unit in (*before, *after) if unit.kind is Kind.CONSORTIUM}
    touched: set[str] = set()
    for unit_id in old.keys() | new.keys():
        was, comes = old.get(unit_id), new.get(unit_id)
        if was == comes:
            continue
        sides = [unit for unit in (was, comes) if unit is not None]
        touched.add(unit_id)
        touched.update(successor for unit in sides for successor in unit.successor_ids)
        if len(sides) == 2 and sides[0].parent_id != sides[1].parent_id:
            touched.update(unit.parent_id for unit in sides)
        if any(unit.kind in TOPS for unit in sides):
            touched.update(roots)
    affected = {unit_id.partition("/")[0] for unit_id in touched} - roots
    return Change(frozenset(touched), frozenset(affected))


def rebased(base: Sequence[Unit], asked: Sequence[Unit], newest: Sequence[Unit]) -> list[Unit]:
    """Return the newest tree with the change that led from the base to the asked tree.

    Raises:
        WrongState: a unit was changed otherwise in the meantime.
    """
    trees = [{unit.unit_id: unit for unit in units} for units in (base, asked, newest)]
    order = dict.fromkeys(unit.unit_id for units in (asked, newest) for unit in units)
    merged: list[Unit] = []
    for unit_id in order:
        was, wanted, now = (tree.get(unit_id) for tree in trees)
        if wanted != was and now not in (was, wanted):
            text = f"{unit_id} was changed in the meantime; read the directory and publish again"
            raise WrongState(text, reason="STALE_DIRECTORY", details={"unit_id": unit_id})
        found = now if wanted == was else wanted
        if found is not None:
            merged.append(found)
    return merged


def institutions(units: Iterable[Unit], today: str) -> list[str]:
    """Return the institutions of a tree that have not ended.

    Args:
        units: the tree.
        today: ISO date.
    """
    return [
        unit.unit_id
        for unit in units
        if unit.kind is Kind.INSTITUTION and (not unit.valid_to or unit.valid_to >= today)
    ]
