from dataclasses import replace
from datetime import date

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.targets import Target
from services.kpi.query.cells import decode_selection
from services.kpi.query.live_view import ViewState, state_cells
from services.kpi.query.report import report
from services.kpi.store.reads import Progress
from tests.unit.kpi.builders import JANUARY
from tests.unit.kpi.view_states import view_state

ON = date(2025, 7, 31)


def asked(at: ViewState, **fields: str) -> kpi_service_pb2.GetReportResponse:
    request = kpi_service_pb2.GetReportRequest(**{"to_month": "2025-07", **fields})
    return report(at, request, ON)


def test_a_report_says_of_a_target_what_every_other_answer_says() -> None:
    at = view_state(
        Target("alpha", "KNW-01", 2025, 200), Target("alpha", "KNW-03", 2025, 9), alpha=62
    )
    found = asked(at, unit_id="alpha")
    assert [cell.indicator_code for cell in found.targets] == ["KNW-03", "KNW-01"]
    wish = view_pb2.Selection(
        unit_ids=["alpha"],
        indicator_codes=["KNW-01"],
        from_month="2025-01",
        to_month="2025-12",
    )
    (cell,) = state_cells(at, decode_selection(wish, at.catalogue), ON)
    assert found.targets[1].pace == cell.pace
    # 212 days of 365 are over: 117 of 200 are expected.
    assert cell.pace.gap == 117 - 62


def test_children_are_ranked_with_their_values_for_the_targets_of_the_unit() -> None:
    at = view_state(
        Target("root", "KNW-01", 2025, 100),
        Target("beta", "KNW-01", 2025, 10),
        alpha=6,
        beta=2,
        gamma=0,
    )
    found = asked(at)
    beta, alpha, gamma = found.children
    assert [beta.unit_id, alpha.unit_id, gamma.unit_id] == ["beta", "alpha", "gamma"]
    assert (beta.behind, beta.attainment) == (1, view_pb2.Ratio(numerator=1, denominator=5))
    assert (beta.values[0].verified.whole, beta.values[0].target) == (2, 10)
    assert alpha.share == view_pb2.Ratio(numerator=3, denominator=4)
    assert not alpha.HasField("attainment")


def test_children_are_not_praised_for_their_part_of_what_a_ceiling_counts() -> None:
    targets = Target("root", "KNW-01", 2025, 9), Target("beta", "KNW-01", 2025, 5)
    at = view_state(*targets, Target("alpha", "KNW-01", 2025, 5), alpha=10, beta=2)
    ceiling = replace(at.catalogue.indicators["KNW-01"], direction="down")
    at.catalogue = replace(at.catalogue, indicators={**at.catalogue.indicators, "KNW-01": ceiling})
    beta, alpha, _ = asked(at).children
    assert (beta.unit_id, beta.attainment.numerator) == ("beta", 1)
    assert alpha.attainment == view_pb2.Ratio(numerator=1, denominator=2)
    assert not alpha.HasField("share")


def test_movers_are_compared_with_the_same_months_of_the_year_before() -> None:
    at = view_state(alpha=62)
    at.cube.put(0, "alpha", JANUARY - 12, {("KNW-01:verified", ""): 40})
    at.cube.put(0, "alpha", JANUARY - 1, {("KNW-01:verified", ""): 500})
    found = asked(at, unit_id="alpha")
    (mover,) = found.movers
    assert (mover.indicator_code, mover.before.whole, mover.now.whole) == ("KNW-01", 40, 62)
    assert (found.before_from_month, found.before_to_month) == ("2024-01", "2024-07")


def test_before_anything_has_been_read_no_target_and_no_child_is_behind() -> None:
    at = view_state(Target("root", "KNW-01", 2025, 100), Target("beta", "KNW-01", 2025, 10))
    at.progress = Progress({}, 0, 0, frozenset())
    found = asked(at)
    assert not found.targets[0].HasField("pace")
    assert [child.behind for child in found.children] == [0, 0, 0]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"unit_id": "nowhere"}, "unit_id"),
        ({"from_month": "2024-07"}, "from_month"),
        ({"from_month": "2025-08"}, "to_month"),
    ],
)
def test_a_report_that_cannot_be_made_names_the_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        asked(view_state(), **fields)
    assert list(refused.value.fields) == [field]
