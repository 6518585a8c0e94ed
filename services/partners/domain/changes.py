"""Changes of the unit tree: which units they touch, and applying them to a newer version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.kernel.errors import WrongState
from services.partners.domain.directory import Kind, Unit

TOPS = (Kind.CONSORTIUM, Kind.INSTITUTION)


@dataclass(frozen=True, slots=True)
class Change:
    """Whom the difference between two trees concerns.

    ``touched`` are the ids of the units that a caller must reach to make the change alone: those
    that change, their former and new parents, and their successors. A changed entry of an
    institution touches the consortium as well, because it decides on membership. ``affected`` are
    the ids of the institutions that the touched units belong to.
    """

    touched: frozenset[str]
    affected: frozenset[str]


def difference(before: Sequence[Unit], after: Sequence[Unit]) -> Change:
    """Return which units and institutions the step from one tree to another concerns.

    Both sets are empty if the trees have the same units; see `Change`.

    Args:
        before: units of the former tree; empty for the first tree.
        after: units of the next tree.
    """
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
        parents = {unit.parent_id for unit in sides} - {""}
        # A unit that comes or goes changes what its parent consists of, as one that moves does.
        if len(sides) == 1 or len(parents) == 2:
            touched.update(parents)
        if any(unit.kind in TOPS for unit in sides):
            touched.update(roots)
    affected = {unit_id.partition("/")[0] for unit_id in touched} - roots
    return Change(frozenset(touched), frozenset(affected))


def rebased(base: Sequence[Unit], asked: Sequence[Unit], newest: Sequence[Unit]) -> list[Unit]:
    """Apply a change that was made to an older tree to the newest one (a three-way merge).

    The change is the difference between ``base`` and ``asked``. Return the units in the order of
    ``asked``, then those that only ``newest`` contains. Whether they are a valid tree is not
    checked.

    Raises:
        WrongState: a unit to change was changed differently in the meantime.
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
    """Return the ids of the institutions in a tree that have not ended.

    Args:
        units: units of the tree.
        today: current date in Vietnam, `YYYY-MM-DD`; an institution exists on its last day, too.
    """
    return [
        unit.unit_id
        for unit in units
        if unit.kind is Kind.INSTITUTION and (not unit.valid_to or unit.valid_to >= today)
    ]
