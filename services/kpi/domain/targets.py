"""Rules of yearly targets: who may set which, and when a target is reached."""

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


def check_settable(target: Target, indicator: Indicator, tree: UnitTree, setter: str) -> None:
    """Check that a caller may set a target.

    Args:
        target: the target; its unit must be in the tree.
        indicator: indicator of the target.
        tree: the unit tree.
        setter: the caller's unit, which may set targets for itself and the units below it.

    Raises:
        InvalidArgument: the indicator is a ratio or an attainment, which has no target of its own.
            The caller's fault.
        Forbidden: the target's unit is neither the caller's nor below it.
    """
    if indicator.denominator or indicator.attainment_of:
        text = "a ratio has no target of its own"
        raise InvalidArgument(text, fields={"target.indicator_code": text})
    own = tree.number.get(setter)
    if own is None or not tree.holds(own, tree.number[target.unit_id]):
        raise Forbidden("your token does not reach this unit")


def reached(targets: Iterable[Target], cube: Cube) -> list[tuple[Target, int]]:
    """Return the targets that are reached but not yet recorded so, each with its verified value.

    Ceilings are left out: whether one was kept is known only at the end of the year.

    Args:
        targets: targets to check.
        cube: cells of the live view.
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
