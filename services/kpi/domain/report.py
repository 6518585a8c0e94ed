"""Rules of a report: the order of targets, the ranking of children, and what moved most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.kpi.domain.cube import Range, Ratio, Value
from services.kpi.domain.pace import Pace, Standing

MONTHS_MAX = 12
MOVERS_MAX = 20
_ORDER = (Standing.BEHIND, Standing.ON_PACE, Standing.REACHED)


@dataclass(frozen=True, slots=True)
class Held:
    """A target of a unit, with the value that is compared with it.

    Args:
        indicator_code: the indicator.
        target: value to reach, or not to exceed if it is a ceiling.
        value: value of the report's range of months.
        pace: whether the value is on the way to the target; None if this cannot be judged.
        is_ceiling: whether the target is not to be exceeded.
    """

    indicator_code: str
    target: int
    value: Value
    pace: Pace | None
    is_ceiling: bool = False

    @property
    def attainment(self) -> Fraction:
        """Part of the target that is reached, or of the value that a ceiling allows; at most 1."""
        value, target = _number(self.value), Fraction(self.target)
        part, whole = (target, value) if self.is_ceiling else (value, target)
        return Fraction(1) if part >= whole else part / whole


@dataclass(frozen=True, slots=True)
class Rank:
    """The result of one child of a unit, by which a report ranks the children.

    Args:
        unit_id: the child.
        held: its own targets with their values.
        share: mean, over the indicators for which its parent has targets, of its part of what all
            children together reached; ceilings are left out. None if the children reached nothing.
    """

    unit_id: str
    held: Sequence[Held]
    share: Fraction | None

    @property
    def attainment(self) -> Fraction | None:
        """Mean, from 0 to 1, of the attainments of its own targets; None if it has none."""
        parts = [each.attainment for each in self.held]
        return sum(parts, Fraction(0)) / len(parts) if parts else None

    def count(self, standing: Standing) -> int:
        """Return how many of its targets have this standing; a target without a pace has none."""
        return sum(each.pace is not None and each.pace.standing is standing for each in self.held)


@dataclass(frozen=True, slots=True)
class Mover:
    """An indicator whose value changed: ``before`` is that of the same months a year earlier."""

    indicator_code: str
    before: Value
    now: Value


def year_before(months: Range) -> Range:
    """Return the range of the same months one year earlier."""
    return months[0] - 12, months[1] - 12


def by_urgency(held: Sequence[Held]) -> list[Held]:
    """Return targets sorted by urgency, the most urgent first.

    First those behind, by the part of the target that is missing to be on pace, the largest first;
    then those on pace, then those reached, each by attainment, the lowest first; then those that
    cannot be judged. Equals keep their order.
    """
    return sorted(held, key=_urgency)


def _urgency(held: Held) -> tuple[int, Fraction]:
    if held.pace is None:
        return len(_ORDER), Fraction(0)
    gap = Fraction(held.pace.gap, held.target)
    return _ORDER.index(held.pace.standing), -gap if gap else held.attainment


def shares(values: Mapping[str, Sequence[Value]]) -> dict[str, Fraction | None]:
    """Return unit id -> mean, over indicators, of its part of what all units reached together.

    Indicators in which all units together have nothing are left out; the shares are None if that
    leaves none.

    Args:
        values: unit id -> its values, of the same indicators in the same order.
    """
    numbers = {unit: list(map(_number, row)) for unit, row in values.items()}
    totals = [sum(column) for column in zip(*numbers.values(), strict=True)]
    counted = [number for number, total in enumerate(totals) if total > 0]
    if not counted:
        return dict.fromkeys(values)
    return {
        unit: sum((row[n] / totals[n] for n in counted), Fraction(0)) / len(counted)
        for unit, row in numbers.items()
    }


def ranked(ranks: Sequence[Rank]) -> list[Rank]:
    """Return children in the order of the ranking, the best first.

    Those without targets of their own come after those with some. Among each, the order is by
    number of targets that are behind, fewest first, then by attainment and share, highest first; a
    missing share counts as 0.
    """

    def place(rank: Rank) -> tuple[bool, int, Fraction, Fraction]:
        attainment, behind = rank.attainment, rank.count(Standing.BEHIND)
        return (
            attainment is None,
            behind,
            -(attainment or Fraction(0)),
            -(rank.share or Fraction(0)),
        )

    return sorted(ranks, key=place)


def movers(before: Mapping[str, Value], now: Mapping[str, Value]) -> list[Mover]:
    """Return the indicators that changed most, by the change as a part of the larger value.

    The greatest change comes first; at most `MOVERS_MAX` are returned. What was or is nothing has
    changed by all of it, however little it is, so it comes after what was and is something. Where
    the parts are equal, the greater change in numbers comes first. Unchanged values, and those that
    are not defined then or now, are left out.

    Args:
        before: indicator code -> value in the same months of the year before.
        now: indicator code -> value of the range, in display order.
    """
    found = [
        (Mover(code, before[code], value), moved)
        for code, value in now.items()
        if (moved := _moved(before[code], value))
    ]
    found.sort(key=lambda each: (each[1] == 1, -each[1], -_change(each[0])))
    return [mover for mover, _ in found[:MOVERS_MAX]]


def _change(mover: Mover) -> Fraction:
    return abs(Fraction(_number(mover.now)) - Fraction(_number(mover.before)))


def _moved(before: Value, now: Value) -> Fraction | None:
    if any(isinstance(value, Ratio) and not value.denominator for value in (before, now)):
        return None
    then, new = _number(before), _number(now)
    largest = max(abs(then), abs(new))
    return abs(new - then) / largest if largest else None


def _number(value: Value) -> Fraction:
    if not isinstance(value, Ratio):
        return Fraction(value)
    return Fraction(value.numerator, value.denominator) if value.denominator else Fraction(0)
