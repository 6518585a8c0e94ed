"""The numbers that Prometheus sees."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.kernel.errors import Unavailable
from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube
from services.kpi.domain.targets import Target
from services.kpi.query.prometheus import figures, reporting_units, show_figures
from tests.unit.kpi.builders import (
    JANUARY,
    TREE,
    both,
    catalogue,
    claim,
    component,
    cube_of,
    real_catalogue,
    said,
)
from tests.unit.kpi.view_states import FakeStores, row, view

WORKS = catalogue(component())
KNW_01 = {"institution": "alpha", "indicator": "KNW-01", "year": str(JANUARY // 12)}


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kieng_{name}", labels)


def of_year(cube: Cube, *targets: Target, year: int = 2025) -> Any:
    return figures(cube, {target.key: target for target in targets}, year * 12 + 11)


def joint(*verified: str) -> list[Any]:
    """Statements about one work of three institutions; some have verified their claim."""
    claims = {unit: claim(unit, unit) for unit in ("alpha", "beta", "gamma")}
    return [both(one) if unit in verified else said(one) for unit, one in claims.items()]


def test_the_values_are_those_of_the_year_at_institutions_and_the_consortium() -> None:
    found = of_year(cube_of(WORKS, contribution(joint("alpha"), WORKS))).values
    assert set(found) == {
        (unit, "A", measure, "2025")
        for unit in ("root", "alpha", "beta", "gamma")
        for measure in ("declared", "verified")
    }
    assert found["root", "A", "declared", "2025"] == 1
    assert (found["alpha", "A", "verified", "2025"], found["beta", "A", "verified", "2025"]) == (
        1,
        0,
    )
    assert set(of_year(cube_of(WORKS), year=2026).values.values()) == {0}


def test_what_is_dated_after_the_present_month_has_not_happened_yet() -> None:
    march = cube_of(WORKS, contribution(joint("alpha"), WORKS))
    found = [figures(march, {}, JANUARY + month).values for month in (1, 2)]
    assert [each["alpha", "A", "verified", "2025"] for each in found] == [0, 1]


def test_a_ratio_is_a_fraction_and_absent_while_it_is_not_defined() -> None:
    made = Catalogue.build(
        1,
        [
            Indicator("R", component(), denominator=component(Rule.LEAD)),
            Indicator("T", None, attainment_of="W"),
            Indicator("W", component()),
        ],
        TREE,
    )
    cube = cube_of(made, contribution(joint("alpha", "beta"), made))
    found = of_year(cube, Target("alpha", "W", 2025, 4))
    assert found.values["alpha", "R", "verified", "2025"] is None
    assert found.values["alpha", "T", "verified", "2025"] == 0.25
    assert found.values["beta", "T", "verified", "2025"] is None
    assert found.targets == {("alpha", "W", "2025"): 4}


def years(found: Any) -> tuple[set[str], set[str]]:
    return {key[-1] for key in found.values}, {key[-1] for key in found.targets}


def test_a_year_without_targets_and_values_gives_way_to_the_last_that_has_targets() -> None:
    empty, full = cube_of(WORKS), cube_of(WORKS, contribution(joint("alpha"), WORKS))
    old, last = Target("alpha", "A", 2022, 4), Target("alpha", "A", 2024, 5)
    future = Target("alpha", "A", 2027, 6)
    assert years(of_year(empty)) == ({"2025"}, set())
    assert years(of_year(empty, future)) == ({"2025"}, set())
    assert years(of_year(empty, old, last, future)) == ({"2024"}, {"2024"})
    assert years(of_year(full, old, last)) == ({"2024", "2025"}, {"2024"})
    stock = catalogue(component(until="never"))
    kept = cube_of(stock, contribution(joint("alpha"), stock))
    assert of_year(kept).values["alpha", "A", "declared", "2025"] > 0
    assert years(of_year(kept, last)) == ({"2024"}, {"2024"})
    both = of_year(empty, last, Target("alpha", "A", 2025, 7))
    assert years(both) == ({"2024", "2025"}, {"2024", "2025"})
    assert both.targets == {("alpha", "A", "2024"): 5, ("alpha", "A", "2025"): 7}


@pytest.mark.parametrize(
    ("verified", "open_claims"),
    [((), 2), (("alpha",), 2), (("alpha", "gamma"), 1), (("alpha", "beta", "gamma"), 0)],
)
def test_open_joint_claims_are_those_beyond_the_first_that_wait_to_be_verified(
    verified: tuple[str, ...], open_claims: int
) -> None:
    alone = [said(claim("alpha", "other"))]
    cube = cube_of(WORKS, contribution(joint(*verified), WORKS), contribution(alone, WORKS))
    assert of_year(cube).open_joint_claims == {("A",): open_claims}


def test_fractions_stocks_and_money_have_no_open_joint_claims() -> None:
    made = catalogue(
        component(Rule.FRACTION),
        component(until="never"),
        component(Rule.MONEY_RECEIVED, amount="vnd"),
    )
    assert of_year(cube_of(made)).open_joint_claims == {}


def test_the_live_view_is_shown_with_its_age_and_an_old_view_is_not() -> None:
    stores = FakeStores(view(), kept=[Target("alpha", "KNW-01", JANUARY // 12, 9)])
    live = stores.live_view_of()
    with pytest.raises(Unavailable):
        show_figures(live, JANUARY)
    stores.commit("g1-c1-f1", 1, row(3))
    live.refresh()
    live.refreshed_at = 17.0
    show_figures(live, JANUARY)
    assert shown("value", **KNW_01, measure="verified") == 3
    assert shown("target", **KNW_01) == 9
    assert (shown("view_age_seconds", view="g1-c1-f1") or 0) > 1_000_000_000
    assert shown("view_refreshed_timestamp_seconds", view="g1-c1-f1") == 17
    stores.live_view = view("g2-c1-f1")
    live.refresh()
    show_figures(live, JANUARY)
    assert shown("view_age_seconds", view="g1-c1-f1") is None
    assert shown("value", **KNW_01, measure="verified") == 0


def test_every_value_is_shown_for_every_reporting_unit_of_the_deployed_catalogue() -> None:
    made = real_catalogue()
    found = of_year(Cube(made)).values
    assert len(found) == len(reporting_units(made)) * len(made.indicators) * 2
