"""Figures: one indicator at one unit over a period, with its target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction
"""Counts and amounts of dong are ints; parts of works, ratios and attainments are fractions."""

REACHED, ON_PACE, BEHIND, MISSED = "reached", "on_pace", "behind", "missed"


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell. A value is None when it is not defined, as a ratio without a denominator."""

    unit_id: str
    indicator_code: str
    verified: Number | None
    declared: Number | None
    target: int | None = None
    standing: str = ""
    """`reached`, `on_pace` or `behind`; empty without a target that can be compared."""
    expected: Fraction | None = None
    forecast: Fraction | None = None
    forecast_range: tuple[int, int] | None = None
    """Lowest and highest value to expect on 31 December; None if too few years are known."""
    judged: int | None = None
    """The verified value that is compared with the target: of what had happened by ``on``."""
    on: str = ""
    """The day on which it is compared, `YYYY-MM-DD`; empty without a standing."""

    @property
    def attainment(self) -> Fraction | None:
        """Part of the target that is reached; None where the two cannot be compared."""
        if not isinstance(self.verified, int) or not self.target:
            return None
        return Fraction(self.verified if self.judged is None else self.judged, self.target)

    @property
    def is_over(self) -> bool:
        """Whether the year of the target is over: then it was reached or missed for good."""
        return self.on.endswith("-12-31")

    @property
    def outcome(self) -> str:
        """The standing in words for people: `missed` if the year is over and ended behind."""
        return MISSED if self.standing == BEHIND and self.is_over else self.standing

    @property
    def pace(self) -> Fraction | None:
        """Part of the target that the straight line expects by now; None without one."""
        if self.attainment is None or self.expected is None or not self.target:
            return None
        return self.expected / self.target


@dataclass(frozen=True, slots=True)
class Rank:
    """How a unit does against its targets."""

    unit_id: str
    reached: int
    on_pace: int
    behind: int
    attainment: Fraction | None
    """Mean over its targets of the part that is reached, each at most 1; None without targets."""


def rank(unit_id: str, figures: Iterable[Figure]) -> Rank:
    """Return how one unit does against all its targets."""
    own = [each for each in figures if each.unit_id == unit_id]
    counts = {name: sum(f.standing == name for f in own) for name in (REACHED, ON_PACE, BEHIND)}
    parts = [min(Fraction(1), f.attainment) for f in own if f.attainment is not None]
    mean = sum(parts, Fraction(0)) / len(parts) if parts else None
    return Rank(unit_id, counts[REACHED], counts[ON_PACE], counts[BEHIND], mean)


def ranked(unit_ids: Sequence[str], figures: Sequence[Figure]) -> list[Rank]:
    """Return units by targets behind, fewest first, then by attainment, best first.

    Those without targets come last, in the order given. `services.kpi.domain.report` has the same
    rule.
    """

    def place(each: Rank) -> tuple[bool, int, Fraction]:
        return each.attainment is None, each.behind, -(each.attainment or Fraction(0))

    return sorted((rank(unit_id, figures) for unit_id in unit_ids), key=place)


def change(series: Sequence[Number | None], months_before: int) -> Number | None:
    """Return the last value less that of some months before; None if one is missing."""
    if len(series) <= months_before:
        return None
    now, then = series[-1], series[-1 - months_before]
    return None if now is None or then is None else now - then
