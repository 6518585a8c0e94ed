"""Rules of yearly targets: which can be set, and when one is reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Indicator
from services.kpi.domain.cube import Cube, Ratio

VERIFIED = 1


@dataclass(frozen=True, slots=True)
class Target:
    """A target of one indicator at one unit for one year."""

    unit_id: str
    indicator_code: str
    year: int
    value: int
    is_reached: bool = False

    @property
    def key(self) -> str:
        """Identity of the target: unit, indicator and year."""
        return f"{self.unit_id}|{self.indicator_code}|{self.year}"


def check_settable(indicator: Indicator) -> None:
    """Check that an indicator can have a target.

    Raises:
        InvalidArgument: it is a ratio, whose target follows from its parts.
    """
    if indicator.denominator or indicator.attainment_of:
        text = "a ratio has no target of its own"
        raise InvalidArgument(text, fields={"target.indicator_code": text})


def reached(targets: Iterable[Target], cube: Cube) -> list[tuple[Target, int]]:
    """Return newly reached targets with their verified values; marked ones are excluded.

    Ceilings are excluded: whether one was kept is known only at the end of the year.
    """
    found = []
    for target in targets:
        indicator = cube.catalogue.indicators.get(target.indicator_code)
        if target.is_reached or indicator is None or indicator.direction == "down":
            continue
        first = target.year * 12
        value = cube.value(target.unit_id, indicator, VERIFIED, first, first + 11, 0)
        if not isinstance(value, Ratio) and value >= target.value:
            found.append((target, value))
    return found
