"""Ties: which partners the works of which units name, as a list and as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ROW = 30
"""Height of one partner or unit in the picture."""
LEFT, RIGHT = 200, 520
"""Horizontal positions where curves begin and end; names are to the left and to the right."""
WIDTH = 900
THICK_MAX = 12.0
"""Width of the thickest curve."""


@dataclass(frozen=True, slots=True)
class Work:
    """A work that counts in an indicator.

    ``units`` are those children of the page's unit in whose subtrees a unit claims the work, and
    the page's unit itself if it claims the work directly. ``partner_id`` is empty if it names no
    partner.
    """

    key: str
    title: str
    indicator: str
    """Code of an indicator in which it counts."""
    units: tuple[str, ...]
    partner_id: str = ""
    trl: int = 0
    """Technology readiness level, 1 to 9; 0 if it has none."""
    stage: str = ""
    """Stage of a product, as the contracts have it; empty if it has none."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A partner, all works that name it, and how many of them each unit claims."""

    partner_id: str
    works: tuple[Work, ...]
    counts: Mapping[str, int]
    """Unit id -> number of these works that it claims; a joint work counts for each unit."""


def ties(works: Iterable[Work]) -> list[Tie]:
    """Return the partners that works name, each with its works, those with most works first.

    Partners with equally many works are in the order of their ids. Works without a partner are
    ignored.
    """
    found: dict[str, list[Work]] = {}
    for work in works:
        if work.partner_id:
            found.setdefault(work.partner_id, []).append(work)
    made = [
        Tie(partner_id, tuple(own), Counter(unit for work in own for unit in work.units))
        for partner_id, own in found.items()
    ]
    return sorted(made, key=lambda each: (-len(each.works), each.partner_id))


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve from a unit to a partner; ``path`` is its SVG path, ``thick`` its line width.

    The curve is the thicker, the more works name the partner and are claimed by the unit.
    """

    unit_id: str
    path: str
    thick: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Units on the left, partners on the right, and a curve between each two that work together.

    Vertical positions are from the top, in the same units as ``height``.
    """

    height: int
    units: Sequence[tuple[str, float]]
    """Unit id and vertical position of each unit."""
    partners: Sequence[tuple[str, float]]
    """Partner id and vertical position of each partner."""
    curves: Sequence[Curve]


def picture(shown: Sequence[Tie], unit_ids: Sequence[str]) -> Picture:
    """Return the picture of some partners and all units that work with any of them.

    Args:
        shown: the partners, from top to bottom.
        unit_ids: the units, from top to bottom; those that work with no partner are left out.
    """
    drawn = [each for each in unit_ids if any(each in tie.counts for tie in shown)]
    height = ROW * max(len(shown), len(drawn), 1)

    def places(count: int) -> list[float]:
        return [round(height * (number + 0.5) / count, 1) for number in range(count)]

    left = dict(zip(drawn, places(len(drawn)), strict=True))
    right = list(zip((tie.partner_id for tie in shown), places(len(shown)), strict=True))
    most = max((count for tie in shown for count in tie.counts.values()), default=1)
    middle = (LEFT + RIGHT) // 2
    curves = [
        Curve(
            unit_id,
            f"M{LEFT} {y}C{middle} {y} {middle} {end} {RIGHT} {end}",
            round(1.5 + (THICK_MAX - 1.5) * (tie.counts[unit_id] - 1) / max(1, most - 1), 1),
        )
        for tie, (_, end) in zip(shown, right, strict=True)
        for unit_id, y in left.items()
        if unit_id in tie.counts
    ]
    return Picture(height, list(left.items()), right, curves)
