"""Which indicators have targets, and when one is reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.kernel.errors import InvalidArgument
from services.kpi.domain.targets import Target, check_settable, reached
from services.kpi.query.live_view import ViewState
from tests.unit.kpi.builders import real_catalogue
from tests.unit.kpi.view_states import view_state

CATALOGUE = real_catalogue()
MET = Target("alpha", "KNW-01", 2025, 120)


def found(state: ViewState, year: int = 2025) -> list[tuple[Target, int]]:
    return reached(state.targets.values(), state.cube, year)


def test_a_ratio_has_no_target_and_everything_else_has() -> None:
    ratios = [i for i in CATALOGUE.indicators.values() if i.denominator or i.attainment_of]
    assert ratios
    for indicator in ratios:
        with pytest.raises(InvalidArgument):
            check_settable(indicator)
    check_settable(CATALOGUE.indicators["KNW-01"])


def test_a_target_is_reached_from_its_value_on() -> None:
    for value, expected in ((119, []), (120, [(MET, 120)]), (121, [(MET, 121)])):
        assert found(view_state(MET, alpha=value)) == expected


def test_only_the_units_own_value_of_the_targets_year_counts() -> None:
    others = [
        Target("beta", "KNW-01", 2025, 1),
        Target("alpha", "KNW-01", 2024, 1),
        Target("alpha", "KNW-03", 2025, 1),
    ]
    assert found(view_state(*others, alpha=500)) == []


def test_a_target_that_was_told_or_cannot_be_read_is_left_alone() -> None:
    told = Target("alpha", "KNW-01", 2025, 1, is_reached=True)
    unknown = Target("alpha", "ZZZ-99", 2025, 1)
    attainment = Target("alpha", "KNW-08", 2025, 1)
    fraction = Target("alpha", "KNW-04", 2025, 1)
    assert found(view_state(told, unknown, attainment, fraction, alpha=500)) == []


def test_a_target_of_a_later_year_is_not_reached_before_that_begins() -> None:
    state = view_state(MET, alpha=500)
    assert found(state, 2024) == []
    assert found(state, 2025) == found(state, 2026) == [(MET, 500)]


def test_a_ceiling_is_not_told_as_reached_while_its_year_lasts() -> None:
    at = view_state(MET, alpha=500)
    ceiling = replace(at.catalogue.indicators["KNW-01"], direction="down")
    at.cube.catalogue = replace(at.catalogue, indicators={"KNW-01": ceiling})
    assert found(at) == []
