"""A preview tells exactly the numbers that the fold then changes, with their values."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.cube import Cube, Range, Ratio
from services.kpi.domain.preview import Both, Effects, Preview
from services.kpi.domain.targets import is_measured
from tests.property.kpi.histories import DETERMINISTIC, History, folded, histories
from tests.unit.kpi.builders import cube_of

EXAMPLES = 120 if "DEEP" in os.environ else 30
NOW = 2025 * 12 + 6
YEARS = (2024, 2025, 9999)
TARGET = 7

Told = dict[tuple[str, str, Range], tuple[Both, ...]]


@settings(DETERMINISTIC, max_examples=EXAMPLES)
@given(histories(), st.integers(0, 10), st.booleans())
def test_a_preview_is_what_the_fold_makes_of_the_same_events(
    history: History, known: int, by_month: bool
) -> None:
    catalogue = history.catalogue
    works, before = folded(history.events[:known], catalogue)
    preview = Preview(catalogue, works)
    for event in history.events[known:]:
        preview.fold(event.work_key, event.submission_id, event.statement)
    _, after = folded(history.events, catalogue)
    cubes = [cube_of(catalogue, cells) for cells in (before, after)]

    effects = Effects(catalogue, [preview.rows()], by_month, NOW)
    pairs = [(unit, code) for unit in catalogue.tree.ids for code in catalogue.indicators]
    targets = {f"{unit}|{code}|{year}": TARGET for unit, code in pairs for year in YEARS}
    found: Told = {
        (each.unit_id, each.code, each.months): each.stages
        for each in effects.compare(effects.excerpt(cubes[0]), targets)
        # Of a stock in the future, the first change is told as well.
        if each.months[0] <= NOW or not is_stock(catalogue, each.code)
    }
    expected = differing(cubes, by_month)
    assert found == {place: told for place, told in expected.items() if told[0] != told[1]}


def is_stock(catalogue: Catalogue, code: str) -> bool:
    indicator = catalogue.indicators[catalogue.indicators[code].attainment_of or code]
    parts = (indicator.value, indicator.denominator)
    return any(part is not None and part.is_stock for part in parts)


def differing(cubes: list[Cube], by_month: bool) -> Told:
    """Every defined number of every period that a date of the histories lies in or follows."""
    catalogue = cubes[0].catalogue
    step = 1 if by_month else 12
    flows = {first // step for first in (2024 * 12 + 10, 2025 * 12, 2025 * 12 + 2, 2025 * 12 + 11)}
    told: Told = {}
    for unit_id in catalogue.tree.ids:
        for indicator in catalogue.indicators.values():
            base = catalogue.indicators.get(indicator.attainment_of, indicator)
            periods = flows | {(9999 * 12 + 11) // step}
            if is_stock(catalogue, indicator.code):
                periods = set(range((2024 * 12 + 10) // step, NOW // step + 1))
            for period in sorted(periods):
                months = period * step, period * step + step - 1
                target = TARGET if is_measured(base, months, by_month=by_month) else 0
                declared, verified = (
                    [cube.value(unit_id, indicator, measure, *months, target) for cube in cubes]
                    for measure in (0, 1)
                )
                values = (*declared, *verified)
                if any(not isinstance(each, Ratio) or each.denominator for each in values):
                    stages = tuple(zip(declared, verified, strict=True))
                    told[unit_id, indicator.code, months] = stages
    return told
