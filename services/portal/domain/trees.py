"""A tree of units, cut where it would become too long for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """A unit and what is drawn below it.

    ``below`` is empty although ``count`` units are directly below it where the tree is cut.
    """

    unit_id: str
    count: int
    below: tuple[Branch, ...] = ()


def tree(top: str, below: Mapping[str, Sequence[str]], most: int) -> Branch:
    """Return the tree below a unit, level by level, until it would have more units than allowed.

    The units directly below one are drawn all or not at all; those of ``top`` always.

    Args:
        top: unit at its top.
        below: unit id -> ids of the units directly below it, in order.
        most: units that it may have.
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
