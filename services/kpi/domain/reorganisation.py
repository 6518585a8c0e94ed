"""Reorganisation of the unit tree: units that ended are placed below their successors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.kpi.domain.tree import UnitTree


def parents_as_is(
    parents: Mapping[str, str], successors: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return unit -> parent, as if today's structure had always been valid.

    A unit that ended is placed below its successor, with its descendants, so that its claims count
    there. If it has several successors, none of them is its sole owner: it is placed below their
    lowest common ancestor in today's structure, where they may have ended as well. It keeps its
    parent if it has no successor, or if its new place would be below itself.

    Args:
        parents: unit -> parent in the tree as it was; empty for the root.
        successors: unit that ended -> units that replaced it.
    """
    found = dict(parents)
    # Where successors meet depends on where they were placed themselves, hence as often as needed.
    for _ in successors:
        before = dict(found)
        for unit_id, taken_over in sorted(successors.items()):
            above = _meeting([_path(other, found) for other in taken_over])
            # A successor below the unit, or placed there just now, would make a cycle.
            if above and unit_id not in _path(above, found):
                found[unit_id] = above
        if found == before:
            break
    return found


def predecessors(unit_id: str, was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the topmost units that a reorganisation placed below a unit, sorted.

    Args:
        unit_id: the unit.
        was: unit -> parent before the reorganisation.
        now: unit -> parent after it, see `parents_as_is`.
    """
    moved = (unit for unit in now if now[unit] != was[unit])
    return sorted(
        unit
        for unit in moved
        if unit_id in _path(unit, now)[1:] and unit_id not in _path(unit, was)[1:]
    )


def counts_alike(unit_id: str, was: UnitTree, now: UnitTree) -> bool:
    """Return True if two trees of the same units give a unit the same numbers, whatever its works.

    The same units must be below it, and every unit, wherever it is, must belong to the same
    institution: institutions share a work equally, so a claim that moves from one to another also
    changes the shares of the others.

    Args:
        unit_id: the unit.
        was: one tree.
        now: the other.
    """
    return _below(unit_id, was) == _below(unit_id, now) and _institutions(was) == _institutions(now)


def _below(unit_id: str, tree: UnitTree) -> set[str]:
    number = tree.number[unit_id]
    return {other for other, at in tree.number.items() if number in tree.ancestors[at]}


def _institutions(tree: UnitTree) -> dict[str, str]:
    owners = zip(tree.ids, tree.institution, strict=True)
    return {unit: "" if owner is None else tree.ids[owner] for unit, owner in owners}


def _path(unit_id: str, parents: Mapping[str, str]) -> list[str]:
    path = [unit_id]
    while above := parents[path[-1]]:
        path.append(above)
    return path


def _meeting(paths: Sequence[list[str]]) -> str:
    first, *others = paths or [[]]
    return next((unit for unit in first if all(unit in path for path in others)), "")
