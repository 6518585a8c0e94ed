"""What must hold of every answer at every moment, whatever was folded so far."""

from __future__ import annotations

from typing import Any

from services.kpi.domain.catalogue import Rule
from services.kpi.domain.image import Image
from tests.simulation.office import LEAVES

FIRST, LAST = 2025 * 12, 2025 * 12 + 11
CLAIMING = frozenset(LEAVES)
"""Units that claim works themselves: they may have more than their children together."""


def check_consistency(image: Image) -> None:
    """Assert that parents are at least their largest child and at most the sum of children.

    Fractions add up exactly. Money that a unit pays to another below the same parent is no income
    of the parent, and members of distinct counts are united, so those two rules are left out.
    """
    tree = image.catalogue.tree
    for indicator in image.catalogue.indicators.values():
        component = indicator.value
        if component is None or indicator.denominator:
            continue
        if component.rule not in (Rule.WHOLE, Rule.FRACTION):
            continue
        for unit_id, number in tree.number.items():
            children = [tree.ids[child] for child in tree.children(number)]
            if not children:
                continue
            values = [_number(image, unit, indicator) for unit in children]
            whole = _number(image, unit_id, indicator)
            name = f"{indicator.code} at {unit_id}: {whole} of {values}"
            assert whole >= max(values), f"{name}: less than a child"
            assert min(values) >= 0, f"{name}: negative"
            if unit_id not in CLAIMING:
                assert whole <= sum(values), f"{name}: more than all children"
                if component.rule is Rule.FRACTION:
                    assert whole == sum(values), f"{name}: fractions do not add up"


def _number(image: Image, unit_id: str, indicator: Any) -> int:
    value = image.value(unit_id, indicator, 1, FIRST, LAST, 0)
    return int(getattr(value, "numerator", value))
