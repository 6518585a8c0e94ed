"""A tree of units, cut off where it would become too long for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """A unit and the branches to draw below it.

    ``count`` is the number of units directly below; ``below`` is empty if there are none or the
    tree is cut off here.
    """

    unit_id: str
    count: int
    below: tuple[Branch, ...] = ()


def tree(top: str, below: Mapping[str, Sequence[str]], most: int) -> Branch:
    """Return the tree below a unit, filled level by level up to a maximum number of units.

    The units directly below another one are all included or all left out; those directly below
    ``top`` are always included.

    Args:
        top: unit at the top of the tree.
        below: unit id -> ids of the units directly below it, in order.
        most: maximum number of units below ``top``.
    """
    drawn, level = {top: below.get(top, ())}, list(below.get(top, ()))
    room = most - len(level)
    while level:
        following: list[str] = []
        for unit_id in level:
            lower = below.get(unit_id, ())
            if len(lower) <= room:
                drawn[unit_id] = lower
                room -= len(lower)
                following += lower
        level = following

    def branch(unit_id: str) -> Branch:
        lower = tuple(branch(each) for each in drawn.get(unit_id, ()))
        return Branch(unit_id, len(below.get(unit_id, ())), lower)

    return branch(top)
