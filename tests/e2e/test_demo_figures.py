"""After the demo's import every number of every unit is what its files say."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
import yaml

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.stack import DEPLOY
from tests.e2e import demo_works, expected, sample
from tests.e2e.running import RunningStack

pytestmark = pytest.mark.deep  # `make test-slow` repeats it with the whole demo

SEVEN_MONTHS = ("2025-01", "2025-07")
NOTHING = {"KNW-04": (0, expected.PARTS), "KNW-05": (0, 0)}
UNITS = [
    unit["unit_id"]
    for unit in yaml.load((DEPLOY / "directory" / "units.yaml").read_text(), yaml.CSafeLoader)[
        "units"
    ]
]


def shown_value(value: Any) -> Any:
    return (value["numerator"], value["denominator"]) if isinstance(value, dict) else value


def differences(document: Any, first: str, last: str) -> list[str]:
    """Cells of an answer that are not what the files say, and cells that are not there."""
    wanted = {
        (code, measure): expected.figures(sample.works(measure), code, first, last)
        for code in expected.INDICATORS
        for measure in expected.MEASURES
    }
    cells = {(cell["unit"], cell["indicator"]): cell for cell in document["cells"]}
    missing = {(u, code) for u in UNITS for code in expected.INDICATORS} - set(cells)
    found = [f"{unit} {code}: no cell" for unit, code in sorted(missing)]
    for (unit, code), cell in cells.items():
        for measure in expected.MEASURES:
            value = shown_value(cell[measure])
            should: expected.Value = wanted[code, measure].get(unit, NOTHING.get(code, 0))
            if code == "KNW-08" and unit not in wanted[code, measure]:
                # Without a target the attainment is not defined, whatever was counted.
                should = (expected.number(wanted["KNW-01", measure].get(unit, 0)), 0)
            if value != should:
                found.append(f"{unit} {code} {measure}: {value}, not {should}")
    return found


@pytest.mark.parametrize("measure", expected.MEASURES)
def test_the_sample_has_something_of_every_indicator_and_works_of_three(measure: str) -> None:
    """So no comparison of an indicator is one of zeros alone."""
    works = sample.works(measure)
    figures = {code: expected.figures(works, code, *SEVEN_MONTHS) for code in expected.INDICATORS}
    nothing: set[expected.Value] = {0, (0, 0)}
    empty = [code for code, units in figures.items() if {*units.values()} <= nothing]
    assert empty == []
    assert {len(work.claiming) for work in works.values()} == {1, 2, 3}


@pytest.mark.parametrize("measure", expected.MEASURES)
def test_no_figure_of_a_part_hangs_on_the_millisecond_of_a_decision(measure: str) -> None:
    if sample.wanted["the whole"]:
        pytest.skip("in the whole demo such decisions are far apart")
    at_once = [copy(each) for each in sample.submissions()]
    for each in at_once:
        if each.verified_at != demo_works.NEVER:
            each.verified_at = demo_works.INSTITUTIONS.index(each.institution)
    for code in expected.INDICATORS:
        found = expected.figures(demo_works.works_of(at_once, measure), code, *SEVEN_MONTHS)
        assert found == expected.figures(sample.works(measure), code, *SEVEN_MONTHS)


@pytest.mark.parametrize(
    ("first", "last"), [SEVEN_MONTHS, ("2024-01", "2025-12"), ("2025-03", "2025-03")]
)
def test_every_indicator_of_every_unit_is_what_the_files_say(
    stack: RunningStack, first: str, last: str
) -> None:
    document = stack.kpis(UNITS, first, last, *expected.INDICATORS)
    assert len(document["cells"]) == len(UNITS) * 21
    assert differences(document, first, last) == []


def test_the_demo_wrote_the_answer_of_kpi_show(stack: RunningStack) -> None:
    written = json.loads(stack.answer.read_text(encoding="utf-8"))
    assert differences(written, *SEVEN_MONTHS) == []
    assert {(c["unit"], c["indicator"]) for c in written["cells"]} == {
        (unit, code) for unit in UNITS for code in expected.INDICATORS
    }


def test_an_answer_has_the_shape_that_others_build_on(stack: RunningStack) -> None:
    document = stack.kpis([], *SEVEN_MONTHS)
    assert set(document) == {"view", "cells"}
    view = document["view"]
    assert {"view_id", "catalogue_version", "progress", "age_seconds", "digest"} <= set(view)
    assert view["parked"] == 0
    assert {cell["unit"] for cell in document["cells"]} == {"consortium", "vnu", "vnu-hcm", "hust"}
    cells = {(cell["unit"], cell["indicator"]): cell for cell in document["cells"]}
    assert (
        cells["vnu", "KNW-01"].items()
        >= {
            "unit": "vnu",
            "indicator": "KNW-01",
            "from": "2025-01",
            "to": "2025-07",
            "declared": expected.figures(sample.works("declared"), "KNW-01", *SEVEN_MONTHS)["vnu"],
            "verified": expected.figures(sample.works("verified"), "KNW-01", *SEVEN_MONTHS)["vnu"],
            "target": 120,
        }.items()
    )
    assert set(cells["vnu", "KNW-05"]["verified"]) == {"numerator", "denominator"}


def test_a_report_is_of_what_the_files_say_whichever_way_a_day_is_asked_for(
    stack: RunningStack,
) -> None:
    report = stack.json("report", "--unit", "vnu", "--to", "2025-07", "--on", "2025-07-31")
    counts = {
        code: expected.figures(sample.works("verified"), code, *SEVEN_MONTHS)
        for code in ("KNW-01", "KNW-03", "ENT-01")
    }
    targets = {cell["indicator"]: cell for cell in report["targets"]}
    year = ("--unit", "vnu", "--from", "2025-01", "--to", "2025-12", "--on", "2025-07-31")
    asked = {cell["indicator"]: cell for cell in stack.json("kpi", "show", *year)["cells"]}
    for code, count in counts.items():
        assert targets[code]["pace"]["value"] == count.get("vnu", 0)
        assert targets[code]["pace"] == asked[code]["pace"]
        children = {
            child["unit"]: child["values"][code]["verified"] for child in report["children"]
        }
        below = {unit for unit in UNITS if unit.count("/") == 1 and unit.startswith("vnu/")}
        assert children == {unit: count.get(unit, 0) for unit in below}
    behind = [cell["pace"]["gap"] / cell["target"] for cell in report["targets"]]
    assert behind == sorted(behind, reverse=True)
    assert report["view"]["digest"] == stack.json("kpi", "show", *year)["view"]["digest"]


@pytest.mark.parametrize("measure", expected.MEASURES)
def test_the_consortium_counts_less_than_its_universities_by_exactly_the_overlaps(
    stack: RunningStack, measure: str
) -> None:
    asked = ("--indicator", "KNW-03", "--from", "2025-01", "--to", "2025-07", "--measure", measure)
    answer = stack.json("kpi", "overlaps", *asked)
    counts = expected.figures(sample.works(measure), "KNW-03", *SEVEN_MONTHS)
    shared = expected.overlap(sample.works(measure), "KNW-03", *SEVEN_MONTHS)
    assert {o["work_key"]: set(o["units"]) for o in answer["overlaps"]} == shared
    assert answer["whole"] == counts["consortium"]
    assert answer["sum_of_children"] == sum(
        expected.number(counts[unit]) for unit in demo_works.INSTITUTIONS
    )
    twice = sum(len(units) - 1 for units in shared.values())
    assert answer["sum_of_children"] - answer["whole"] == twice > 0


def pages(
    stack: RunningStack, unit: str, code: str, measure: api.Measure.ValueType, page_size: int
) -> Iterator[api.ExplainKpiResponse]:
    """The pages of an explanation."""
    request = api.ExplainKpiRequest(
        unit_id=unit,
        indicator_code=code,
        from_month=SEVEN_MONTHS[0],
        to_month=SEVEN_MONTHS[1],
        measure=measure,
        page_size=page_size,
    )
    metadata = (("authorization", f"Bearer {stack.token('hust', 'viewer')}"),)
    with stack.channel("kpi") as channel:
        while True:
            page = KpiServiceStub(channel).ExplainKpi(request, timeout=10, metadata=metadata)
            yield page
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return


EXPLAINED = [
    ("vnu", "KNW-01"),
    ("vnu/hus", "KNW-03"),
    ("consortium", "KNW-04"),
    ("hust", "KNW-05"),
    ("vnu-hcm", "COM-03"),
    ("consortium", "ENT-05"),
    ("consortium", "TRI-01"),
    ("vnu", "COM-06"),
]


@pytest.mark.parametrize(("unit", "code"), EXPLAINED)
def test_the_works_behind_a_number_add_up_to_it_and_name_their_proofs(
    stack: RunningStack, unit: str, code: str
) -> None:
    for measure in expected.MEASURES:
        number = api.Measure.Value(f"MEASURE_{measure.upper()}")
        found = list(pages(stack, unit, code, number, 500 if unit == "consortium" else 50))
        works = [work for page in found for work in page.works]
        value = found[-1].value
        (cell,) = stack.kpis([unit], *SEVEN_MONTHS, code)["cells"]
        should = shown_value(cell[measure])
        assert len({work.work_key for work in works}) == len(works) > 0
        # Proofs are shown to their institution only; the reader is of hust.
        for claim in (claim for work in works for claim in work.claims):
            assert bool(claim.evidence_sha256) == (claim.institution_id == "hust")
        assert all(work.claims for work in works)
        sums: dict[str, int] = defaultdict(int)
        for work in works:
            sums["whole"] += work.contribution.whole
            sums["numerator"] += work.contribution.ratio.numerator
            sums["denominator"] += work.contribution.ratio.denominator
        if isinstance(should, tuple):
            assert (value.ratio.numerator, value.ratio.denominator) == should
            # Fractions share one denominator; the parts of a ratio are counted each.
            whole = value.ratio.denominator if code == "KNW-04" else sums["denominator"]
            assert (sums["numerator"], whole) == should
        else:
            members = {work.member_number for work in works if work.member_number}
            assert value.whole == should == (len(members) if members else sums["whole"])
