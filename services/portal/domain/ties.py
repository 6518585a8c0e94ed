"""Who works with whom: works that name a partner, by the partner and the units that claim them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ROW = 30
"""Height of a line of the picture."""
LEFT, RIGHT = 200, 520
"""Where curves begin and end; names stand outside of them."""
WIDTH = 900
THICK_MAX = 12.0


@dataclass(frozen=True, slots=True)
class Work:
    """A work that counts.

    ``units`` are the parts of the unit that is looked at that claim it.
    """

    key: str
    title: str
    indicator: str
    """An indicator that it counts in."""
    units: tuple[str, ...]
    partner_id: str = ""
    trl: int = 0
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Tie:
    """A partner with the works that name it."""

    partner_id: str
    works: tuple[Work, ...]
    counts: Mapping[str, int]
    """Unit -> works that it claims; a joint work counts at each of its units."""


def ties(works: Iterable[Work]) -> list[Tie]:
    """Return the partners of works, those with most works first."""
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
    """A curve from a unit to a partner, as path of SVG, thicker the more works there are."""

    unit_id: str
    path: str
    thick: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Units on the left, partners on the right, and a curve for each two that work together."""

    height: int
    units: Sequence[tuple[str, float]]
    """Unit and the middle of its line."""
    partners: Sequence[tuple[str, float]]
    curves: Sequence[Curve]


def picture(shown: Sequence[Tie], unit_ids: Sequence[str]) -> Picture:
    """Return the picture of some partners and all units that work with any of them.

    Args:
        shown: the partners, from top to bottom.
        unit_ids: units in order; those without a partner are left out.
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
