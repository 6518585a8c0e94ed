"""Figures: the value of one indicator at one unit over a period, compared with its target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction
"""Counts and amounts in dong are ints; shares of works, ratios and attainments are fractions."""

REACHED, ON_PACE, BEHIND, MISSED = "reached", "on_pace", "behind", "missed"


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator at one unit over a period.

    A value is None if it is not defined, e.g. a ratio whose denominator is 0.
    """

    unit_id: str
    indicator_code: str
    verified: Number | None
    declared: Number | None
    target: int | None = None
    """Value to reach in the year; None without a target that applies to the period."""
    standing: str = ""
    """`reached`, `on_pace` or `behind`; empty without a target to compare with."""
    expected: Fraction | None = None
    """Value expected on the day ``on``, in the unit of the indicator."""
    forecast: Fraction | None = None
    """Value to expect on 31 December, in the unit of the indicator."""
    forecast_range: tuple[int, int] | None = None
    """Lowest and highest value to expect on 31 December; None if too few years are known."""
    judged: int | None = None
    """The verified value that is compared with the target: from January up to the day ``on``."""
    on: str = ""
    """Day of the comparison with the target, `YYYY-MM-DD`; empty without a standing."""

    @property
    def attainment(self) -> Fraction | None:
        """The value that is compared with the target, as a fraction of the target; may exceed 1.

        It is ``judged`` or, if that is None, ``verified``. None if there is no target or it is 0,
        or the verified value is missing or no whole number.
        """
        if not isinstance(self.verified, int) or not self.target:
            return None
        return Fraction(self.verified if self.judged is None else self.judged, self.target)

    @property
    def is_over(self) -> bool:
        """Whether the year of the target is over, so that the standing is final.

        False without a standing.
        """
        return self.on.endswith("-12-31")

    @property
    def outcome(self) -> str:
        """The standing to show: `missed` instead of `behind` if the year of the target is over.

        Otherwise it is ``standing``, which is empty without a target to compare with.
        """
        return MISSED if self.standing == BEHIND and self.is_over else self.standing

    @property
    def pace(self) -> Fraction | None:
        """Fraction of the target that is expected by now; None if nothing is expected.

        It is None, too, if there is no `attainment` to compare it with.
        """
        if self.attainment is None or self.expected is None or not self.target:
            return None
        return self.expected / self.target


@dataclass(frozen=True, slots=True)
class Rank:
    """How a unit performs against its targets.

    ``reached``, ``on_pace`` and ``behind`` are numbers of targets, each counted once.
    ``attainment`` is the mean of the attained parts of the targets, from 0 to 1; None if the unit
    has no targets.
    """

    unit_id: str
    reached: int
    on_pace: int
    behind: int
    attainment: Fraction | None
    """Mean of the attainments of its targets, each limited to 1; None without targets."""


def rank(unit_id: str, figures: Iterable[Figure]) -> Rank:
    """Return how many targets a unit has reached, is on pace for and is behind.

    With them comes the mean of its attainments, each limited to 1.

    Args:
        unit_id: the unit; without figures, all counts are 0 and the mean is None.
        figures: figures of this and other units, which are ignored.
    """
    own = [each for each in figures if each.unit_id == unit_id]
    counts = {name: sum(f.standing == name for f in own) for name in (REACHED, ON_PACE, BEHIND)}
    parts = [min(Fraction(1), f.attainment) for f in own if f.attainment is not None]
    mean = sum(parts, Fraction(0)) / len(parts) if parts else None
    return Rank(unit_id, counts[REACHED], counts[ON_PACE], counts[BEHIND], mean)


def ranked(unit_ids: Sequence[str], figures: Sequence[Figure]) -> list[Rank]:
    """Return units ranked by targets: fewest behind first, then highest attainment first.

    Units without targets come last, in the given order. `services.kpi.domain.report` has the same
    rule.

    Args:
        unit_ids: the units to rank.
        figures: figures of these units.
    """

    def place(each: Rank) -> tuple[bool, int, Fraction]:
        return each.attainment is None, each.behind, -(each.attainment or Fraction(0))

    return sorted((rank(unit_id, figures) for unit_id in unit_ids), key=place)


def change(series: Sequence[Number | None], months_before: int) -> Number | None:
    """Return the last value minus the value some months before; None if one of them is missing.

    It is None, too, if the series does not reach back so far.

    Args:
        series: values of consecutive months.
        months_before: distance in months, at least 1.
    """
    if len(series) <= months_before:
        return None
    now, then = series[-1], series[-1 - months_before]
    return None if now is None or then is None else now - then
