from fractions import Fraction

import pytest

from kieng.kpi.v1 import view_pb2
from services.cli.terminal.kpi_tables import Names, pace_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.target_tables import (
    TargetTexts,
    by_gap,
    parts_of,
    standing_of,
    targets_table,
)
from services.texts import Lang

Ratio = view_pb2.Ratio
NAMES = Names(units_of_value={"COM-03": "vnd"})
SCREEN = Screen(lang=Lang.en)
READ = view_pb2.ViewInfo()
READ.newest_event_at.seconds = 1


def cell(code: str, target: int, value: int, gap: int, **pace: object) -> view_pb2.Cell:
    found = view_pb2.Pace(
        on_date="2025-07-31",
        value=value,
        gap=gap,
        expected=Ratio(numerator=target, denominator=2),
        forecast=Ratio(numerator=2 * value, denominator=1),
        standing=view_pb2.Pace.STANDING_BEHIND if gap else view_pb2.Pace.STANDING_ON_PACE,
        **pace,  # type: ignore[arg-type]
    )
    whole = view_pb2.Value(whole=value + 5)
    return view_pb2.Cell(indicator_code=code, verified=whole, target=target, pace=found)


def test_what_is_missing_is_compared_as_a_part_of_the_target() -> None:
    little, much, none = cell("A", 10**9, 1, 10**7), cell("B", 10, 1, 4), cell("C", 10, 9, 0)
    assert [each.indicator_code for each in by_gap([little, none, much])] == ["B", "A", "C"]


def test_a_bar_shows_the_value_that_is_judged_and_not_that_of_the_range() -> None:
    assert parts_of(cell("A", 100, 40, 10)) == (Fraction(2, 5), Fraction(1, 2))
    assert parts_of(view_pb2.Cell(target=10)) is None
    unjudged = view_pb2.Cell(target=10, verified=view_pb2.Value(whole=5))
    assert (parts_of(unjudged), standing_of(unjudged)) == ((Fraction(1, 2), None), "")


def test_a_target_says_how_it_stands_and_by_how_much() -> None:
    texts = TargetTexts(SCREEN, NAMES, False)
    assert texts.standing(cell("COM-03", 10**10, 1, 2 * 10**9), False) == "▼ behind by 2 billion"
    assert texts.standing(cell("A", 10, 9, 0), False) == "● on pace"
    unjudged = view_pb2.Cell(target=10)
    assert texts.standing(unjudged, True) == "… still reading"
    assert texts.standing(unjudged, False) == "not judged"


def test_a_year_that_is_over_was_missed_and_has_no_forecast() -> None:
    missed = cell("A", 20, 16, 4)
    missed.pace.on_date = "2025-12-31"
    texts = TargetTexts(SCREEN, NAMES, False)
    assert texts.standing(missed, False) == "▼ missed by 4"
    assert texts.forecast(missed) == texts.error(missed) == "–"  # noqa: RUF001
    assert pace_text(Screen(lang=Lang.vi), missed, "", False) == "không đạt 16/20"


def test_a_forecast_has_its_range_and_the_errors_of_earlier_ones() -> None:
    texts = TargetTexts(SCREEN, NAMES, False)
    past = [
        view_pb2.PastForecast(year=2023, forecast=110, actual=100),
        view_pb2.PastForecast(year=2024, forecast=80, actual=100),
    ]
    known = cell("A", 100, 40, 10, forecast_low=60, forecast_high=95, past_forecasts=past)
    assert texts.forecast(known) == "80 (60 – 95)"  # noqa: RUF001
    assert texts.error(known) == "15% (2 years)"
    alone = cell("A", 100, 40, 10, past_forecasts=past[:1])
    assert (texts.forecast(alone), texts.error(alone)) == ("80", "–")  # noqa: RUF001


def test_only_cells_with_a_target_have_a_row() -> None:
    table = targets_table(SCREEN, NAMES, [cell("A", 100, 40, 10), view_pb2.Cell()], READ, False)
    assert len(table.lines) == 1


def test_the_unit_of_all_rows_stands_above_them_where_they_would_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(lang=Lang.en)
    cells = [cell("A", 2100, 1200, 900), cell("COM-03", 10**10, 10**9, 2 * 10**9)]
    for unit_id in ("vnu/hus", "vnu/ueb"):
        cells[0].unit_id, cells[1].unit_id = "vnu/hus", unit_id
        table = targets_table(screen, NAMES, cells, READ, False)
        is_one = unit_id == "vnu/hus"
        assert table.fits(80) is is_one
        assert ("unit" in table.keys) is not is_one
        assert str(table.title).startswith("vnu/hus · ") is is_one
