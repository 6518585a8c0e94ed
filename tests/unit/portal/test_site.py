"""What templates make of a figure, in both languages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal import numbers, site, wire
from services.portal.pieces import environment
from services.portal.texts import text
from services.texts import Lang
from tests.unit.portal.answered import Answers, Portal

RATIO = view_pb2.Ratio(numerator=139, denominator=2)
PACE = view_pb2.Pace(
    on_date="2025-07-31",
    value=62,
    expected=RATIO,
    forecast=view_pb2.Ratio(numerator=106, denominator=1),
    standing=view_pb2.Pace.STANDING_BEHIND,
    forecast_low=98,
    forecast_high=115,
)


def cell(pace: view_pb2.Pace | None) -> view_pb2.Cell:
    value = view_pb2.Value(whole=66)
    return view_pb2.Cell(
        unit_id="vnu",
        indicator_code="KNW-01",
        verified=value,
        declared=value,
        target=120,
        pace=pace,
    )


def told(lang: Lang, pace: view_pb2.Pace | None) -> str:
    """How the figure of a cell stands, as pages tell it."""
    written = {name: partial(getattr(numbers, name), lang=lang) for name in ("full", "percent")}
    template = environment().get_template("pace.html")
    figure = wire.figure(cell(pace))
    return template.render(figure=figure, unit="count", t=partial(text, lang), **written).strip()


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        (
            Lang.en,
            "target 120, 51.7% reached; by 2025-07-31: 62 of 70 expected; forecast 106 (98 – 115)",  # noqa: RUF001
        ),
        (
            Lang.vi,
            "chỉ tiêu 120, đạt 51,7%; đến 2025-07-31: 62, cần 70; dự báo 106 (98 – 115)",  # noqa: RUF001
        ),
    ],
    ids=["en", "vi"],
)
def test_a_target_is_told_with_what_is_judged_and_the_range_of_its_forecast(
    lang: Lang, expected: str
) -> None:
    assert told(lang, PACE) == expected


def test_without_pace_the_value_of_the_range_is_told() -> None:
    assert told(Lang.en, None) == "target 120, 55% reached"


@pytest.mark.parametrize("is_read", [True, False])
def test_a_page_says_when_nothing_has_been_read_yet(is_read: bool) -> None:
    made = (
        environment()
        .get_template("status.html")
        .render(
            t=partial(text, Lang.en),
            level="good",
            is_live=False,
            newest="today" if is_read else "",
            view_id="",
            digest="",
        )
    )
    assert ("still reading" in made) is not is_read
    assert ("newest event today" in made) is is_read


@pytest.mark.parametrize(("zone", "month"), [("Asia/Ho_Chi_Minh", "2027-01"), ("UTC", "2026-12")])
def test_a_year_begins_at_midnight_in_the_zone_of_the_portal(
    monkeypatch: pytest.MonkeyPatch, zone: str, month: str
) -> None:
    class LastEvening(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> LastEvening:
            return cls(2026, 12, 31, 17, 30, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(site, "datetime", LastEvening)
    answers = Answers()
    portal = Portal(answers)
    portal.site.zone = ZoneInfo(zone)
    asyncio.run(portal.get("/"))
    asked = [each for each in answers.asked if isinstance(each, kpi_service_pb2.GetKpisRequest)]
    assert asked[0].selection.to_month == month
