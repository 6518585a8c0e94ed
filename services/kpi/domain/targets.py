"""Rules of yearly targets: which indicators can have one, and when a target is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Indicator
from services.kpi.domain.cube import Cube, Range, Ratio

VERIFIED = 1


@dataclass(frozen=True, slots=True)
class Target:
    """A target for one indicator of one unit in one year.

    Args:
        unit_id: unit of the target.
        indicator_code: code of the indicator.
        year: calendar year.
        value: value to reach by the end of the year, or ceiling if lower is better.
        is_reached: whether it has already been recorded as reached.
    """

    unit_id: str
    indicator_code: str
    year: int
    value: int
    is_reached: bool = False

    @property
    def key(self) -> str:
        """Key of the target: `<unit id>|<indicator code>|<year>`."""
        return f"{self.unit_id}|{self.indicator_code}|{self.year}"


def is_measured(indicator: Indicator, months: Range, *, by_month: bool = False) -> bool:
    """Return whether the value of a range is compared with the target of its last year.

    For a flow this is the case if the range begins with January of that year. A stock always is, by
    its level at the end of the range.

    Args:
        indicator: the indicator, or the one that an attainment is of.
        months: first and last month, both included.
        by_month: whether the range is one of several months, of which January is no more to be
            measured than the others.
    """
    first, last = months
    is_stock = indicator.value is not None and indicator.value.is_stock
    return is_stock or (first == last // 12 * 12 and not by_month)


def target_of(
    targets: Mapping[str, Target],
    unit_id: str,
    indicator: Indicator,
    months: Range,
    *,
    by_month: bool = False,
) -> Target | None:
    """Return the target with which the value of a range of months is compared; None for none.

    Args:
        targets: `Target.key` -> target.
        unit_id: the unit.
        indicator: the indicator, or the one that an attainment is of.
        months: first and last month, both included.
        by_month: whether the range is one of several months; see `is_measured`.
    """
    if not is_measured(indicator, months, by_month=by_month):
        return None
    return targets.get(f"{unit_id}|{indicator.code}|{months[1] // 12}")


def check_settable(indicator: Indicator) -> None:
    """Check that a target can be set for an indicator.

    Raises:
        InvalidArgument: it is a ratio or an attainment, which have no targets of their own. The
            caller's fault.
    """
    if indicator.denominator or indicator.attainment_of:
        text = "a ratio has no target of its own"
        raise InvalidArgument(text, fields={"target.indicator_code": text})


def reached(targets: Iterable[Target], cube: Cube, year: int) -> list[tuple[Target, int]]:
    """Return the targets that are now reached but not yet recorded so, each with its value.

    The value is the verified one of the target's year. Ceilings are left out, because whether one
    was kept is known only at the end of the year; so are ratios and unknown indicators, and targets
    of later years: the level of a stock would reach them before their year begins.

    Args:
        targets: targets to check.
        cube: cells of the live view.
        year: the present year.
    """
    found = []
    for target in targets:
        indicator = cube.catalogue.indicators.get(target.indicator_code)
        if target.is_reached or indicator is None or indicator.direction == "down":
            continue
        if target.year > year:
            continue
        first = target.year * 12
        value = cube.value(target.unit_id, indicator, VERIFIED, first, first + 11, 0)
        if not isinstance(value, Ratio) and value >= target.value:
            found.append((target, value))
    return found
