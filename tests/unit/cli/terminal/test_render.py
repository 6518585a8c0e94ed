"""Values as programs and as people read them, and sums that add up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import submission_pb2
from services.cli.terminal.explanation_tables import explained, is_exact
from services.cli.terminal.kpi_tables import Names, cell_text
from services.cli.terminal.render import cell_json, message_json, value_json, value_text, view_json
from services.cli.terminal.screen import Screen
from services.texts import Lang


def whole(number: int) -> view_pb2.Value:
    return view_pb2.Value(whole=number)


def ratio(numerator: int, denominator: int) -> view_pb2.Value:
    return view_pb2.Value(ratio=view_pb2.Ratio(numerator=numerator, denominator=denominator))


@pytest.mark.parametrize(
    ("value", "unit", "lang", "text"),
    [
        (whole(1234567), "vnd", Lang.vi, "1.234.567"),
        (whole(1234567), "vnd", Lang.en, "1,234,567"),
        (whole(0), "count", Lang.vi, "0"),
        (ratio(648, 1200), "percent", Lang.vi, "54%"),
        (ratio(62, 120), "percent", Lang.vi, "51,7%"),
        (ratio(3, 4), "works", Lang.vi, "0,75"),
        (ratio(3, 0), "percent", Lang.vi, "–"),  # noqa: RUF001
        (view_pb2.Value(), "count", Lang.vi, "–"),  # noqa: RUF001
    ],
)
def test_a_value_is_written_as_its_readers_do(
    value: view_pb2.Value, unit: str, lang: Lang, text: str
) -> None:
    assert value_text(value, unit, lang).replace("\N{NO-BREAK SPACE}", "") == text


def test_a_cell_has_a_target_only_where_there_is_one() -> None:
    cell = view_pb2.Cell(unit_id="u", indicator_code="KNW-01", from_month="2025-01")
    cell.declared.CopyFrom(whole(2))
    cell.verified.CopyFrom(ratio(1, 2))
    assert cell_json(cell) == {
        "unit": "u",
        "indicator": "KNW-01",
        "from": "2025-01",
        "to": "",
        "declared": 2,
        "verified": {"numerator": 1, "denominator": 2},
    }
    cell.target = 120
    assert cell_json(cell)["target"] == 120
    assert "pace" not in cell_json(cell)


def test_a_target_is_shown_with_its_pace_and_forecast() -> None:
    ratio = view_pb2.Ratio
    pace = view_pb2.Pace(
        on_date="2025-07-01",
        expected=ratio(numerator=21840, denominator=365),
        forecast=ratio(numerator=62 * 365, denominator=182),
        standing=view_pb2.Pace.STANDING_ON_PACE,
        value=62,
        season_years=2,
        past_forecasts=[view_pb2.PastForecast(year=2024, forecast=110, actual=104)],
    )
    cell = view_pb2.Cell(verified=view_pb2.Value(whole=62), target=120, pace=pace)
    assert cell_json(cell)["pace"] == {
        "on": "2025-07-01",
        "value": 62,
        "gap": 0,
        "expected": {"numerator": 21840, "denominator": 365},
        "forecast": {"numerator": 22630, "denominator": 182},
        "forecast_range": None,
        "season_years": 2,
        "standing": "on_pace",
        "past_forecasts": [{"year": 2024, "forecast": 110, "actual": 104}],
    }
    shown = cell_text(Screen(lang=Lang.en), Names(), cell, "verified")
    assert shown == "62 / 120 (51.7%)\non pace, forecast 124"
    cell.pace.forecast_low, cell.pace.forecast_high = 118, 131
    shown = cell_text(Screen(lang=Lang.en), Names(), cell, "verified")
    assert shown == "62 / 120 (51.7%)\non pace, forecast 124 (118–131)"  # noqa: RUF001
    cell.pace.value = 60
    shown = cell_text(Screen(lang=Lang.en), Names(), cell, "verified")
    assert shown.endswith("\nby 2025-07-01: 60, on pace, forecast 124 (118–131)")  # noqa: RUF001
    declared = view_pb2.Cell(declared=view_pb2.Value(whole=62), target=120, pace=pace)
    assert cell_text(Screen(lang=Lang.en), Names(), declared, "declared") == "62 / 120 (51.7%)"
    for standing in view_pb2.Pace.Standing.values()[1:]:
        cell.pace.standing = standing
        assert "\n" in cell_text(Screen(lang=Lang.vi), Names(), cell, "verified")


def test_a_value_that_is_not_there_is_null() -> None:
    assert value_json(view_pb2.Value()) is None


def test_a_view_tells_its_age_and_progress() -> None:
    view = view_pb2.ViewInfo(view_id="g1-c1-f1", catalogue_version=1, digest="ab")
    view.progress.add(partition=0, next_offset=7)
    now = datetime(2025, 1, 1, 0, 1, tzinfo=UTC)
    assert view_json(view, now)["age_seconds"] is None
    view.newest_event_at.FromDatetime(datetime(2025, 1, 1, tzinfo=UTC))
    assert view_json(view, now) == {
        "view_id": "g1-c1-f1",
        "catalogue_version": 1,
        "progress": {"0": 7},
        "age_seconds": 60.0,
        "digest": "ab",
        "parked": 0,
        "dismissed": 0,
        "log_trouble": "",
    }


def test_members_that_are_not_shown_are_counted_by_their_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    works = [
        kpi_service_pb2.ExplainedWork(contribution=whole(1), member_number=number, member=member)
        for number, member in ((1, ""), (2, "0000-0002-1825-0097"), (1, ""))
    ]
    assert is_exact(whole(2), works)
    assert not is_exact(whole(3), works)
    screen = Screen(lang=Lang.en)
    screen.answers.print(explained(screen, whole(2), works, "count", True))
    printed = capsys.readouterr().out
    assert "#1" in printed
    assert "0000-0002-1825-0097" in printed


@pytest.mark.parametrize(
    ("value", "contributions", "exact"),
    [
        (whole(2), [whole(1), whole(1)], True),
        (whole(3), [whole(1), whole(1)], False),
        (whole(0), [], True),
        (ratio(5, 6), [ratio(2, 6), ratio(3, 6)], True),
        (ratio(5, 6), [ratio(2, 6), ratio(2, 6)], False),
        (ratio(1, 2), [ratio(1, 1), ratio(0, 1)], True),
        (ratio(2, 120), [whole(1), whole(1)], True),
        (ratio(1, 3), [ratio(1, 1), ratio(0, 1)], False),
    ],
)
def test_contributions_are_added_up(
    value: view_pb2.Value, contributions: list[view_pb2.Value], exact: bool
) -> None:
    works = [kpi_service_pb2.ExplainedWork(contribution=added) for added in contributions]
    assert is_exact(value, works) is exact


def test_a_distinct_count_counts_members_once() -> None:
    works = [kpi_service_pb2.ExplainedWork(member=name) for name in ("a", "b", "a")]
    assert is_exact(whole(2), works)
    assert not is_exact(whole(3), works)


def test_numbers_of_64_bits_are_numbers_at_any_depth() -> None:
    work = kpi_service_pb2.ExplainedWork(work_key="w")
    work.claims.add(submission_id="s", version=1 << 40)
    assert message_json(work)["claims"][0]["version"] == 1 << 40
    document = message_json(
        submission_pb2.Submission(version=2, state=submission_pb2.STATE_VERIFIED)
    )
    assert document == {"version": 2, "state": "STATE_VERIFIED"}
