"""Figures: the value of one indicator at one unit over a period, compared with its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

Number = int | Fraction
"""Counts and amounts in dong are ints; shares of works, ratios and attainments are fractions."""

ROUNDED_FROM = 1000
"""Amount from which a part of a month is rounded."""
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
    def monthly_target(self) -> Number | None:
        """The even part of the year's target for one month, for comparison with values of months.

        None if there is no `attainment`. Large amounts are rounded to a whole number.
        """
        if self.attainment is None or self.target is None:
            return None
        part = Fraction(self.target, 12)
        return round(part) if part.denominator == 1 or part >= ROUNDED_FROM else part

    @property
    def is_over(self) -> bool:
        """Whether the year of the target is over, so that the standing is final.

        False without a standing.
        """
        return self.on.endswith("-12-31")

    @property
    def whole_forecast(self) -> int | None:
        """The forecast to show, in whole units as the command line has it; None without one.

        It is rounded down: what falls short of a target must not read as if it reached it.
        """
        return floor(self.forecast) if self.forecast is not None and self.has_forecast else None

    @property
    def whole_expected(self) -> int | None:
        """The expected value to show, in whole units; None if nothing is expected.

        It is rounded away from the value that is judged, so that the two compare as the standing
        says: 69 is behind 69.3, shown as 70, and on pace with 68.7, shown as 68.
        """
        if self.expected is None:
            return None
        return (ceil if (self.judged or 0) < self.expected else floor)(self.expected)

    @property
    def has_forecast(self) -> bool:
        """Whether there is a forecast to show; once the year is over, there is none any more."""
        return self.forecast is not None and not self.is_over

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
    """How a unit performs against its own targets, as the KPI service ranks it.

    ``reached``, ``on_pace`` and ``behind`` are numbers of targets, each counted once.
    """

    unit_id: str
    reached: int
    on_pace: int
    behind: int
    attainment: Fraction | None
    """Mean of the attainments of its targets, each limited to 1; None without targets."""
    share: Fraction | None
    """Mean part, over the targets of its parent, of what all children reached; None if nothing."""


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
