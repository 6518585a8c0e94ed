"""Rules of yearly targets: who may set which, and when one is reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.kernel.errors import Forbidden, InvalidArgument
from services.kpi.domain.catalogue import Indicator
from services.kpi.domain.cube import Cube, Ratio
from services.kpi.domain.tree import UnitTree

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


def check_settable(target: Target, indicator: Indicator, tree: UnitTree, setter: str) -> None:
    """Check that a caller's unit may set a target.

    Args:
        target: target of a unit that is in the tree.
        indicator: its indicator.
        tree: the units.
        setter: the caller's unit, which may set its own targets and those below it.

    Raises:
        InvalidArgument: the indicator is a ratio, whose target follows from its parts.
        Forbidden: the unit is not below the setter's.
    """
    if indicator.denominator or indicator.attainment_of:
        text = "a ratio has no target of its own"
        raise InvalidArgument(text, fields={"target.indicator_code": text})
    own = tree.number.get(setter)
    if own is None or not tree.holds(own, tree.number[target.unit_id]):
        raise Forbidden("your token does not reach this unit")


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
