"""What moved most is told by a difference in the measure of the indicator."""

from __future__ import annotations

import pytest

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.report_page import ReportLayout
from services.cli.terminal.screen import Screen
from services.texts import Lang


def ratio(numerator: int, denominator: int) -> view_pb2.Value:
    return view_pb2.Value(ratio=view_pb2.Ratio(numerator=numerator, denominator=denominator))


@pytest.mark.parametrize(
    ("unit", "before", "now", "told"),
    [
        ("vnd", view_pb2.Value(whole=10**9), view_pb2.Value(whole=4 * 10**9), "+3 billion"),
        ("works", view_pb2.Value(whole=3), view_pb2.Value(whole=3), "±0"),
        ("works", ratio(107, 2), ratio(116445, 100), "+1,110.95"),
        ("works", ratio(3, 2), ratio(1, 2), "-1.00"),
        ("percent", ratio(1, 10), ratio(1, 4), "+15 pp"),
        ("percent", ratio(1, 4), ratio(1, 10), "-15 pp"),
        ("percent", ratio(0, 0), ratio(1, 10), "–"),  # noqa: RUF001
    ],
)
def test_a_change_is_a_difference_of_what_stands_beside_it(
    unit: str, before: view_pb2.Value, now: view_pb2.Value, told: str
) -> None:
    names = Names(units_of_value={"A": unit})
    answer = api.GetReportResponse(
        movers=[api.Mover(indicator_code="A", before=before, now=now)],
        before_from_month="2024-01",
        before_to_month="2024-07",
    )
    page = ReportLayout(Screen(lang=Lang.en), names, answer, exact=False).page()
    assert page.sections[-1].rows[0].texts[-1] == told
