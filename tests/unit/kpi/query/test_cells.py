from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from kieng.kpi.v1 import view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.cube import Ratio
from services.kpi.domain.pace import pace
from services.kpi.domain.season import PastForecast
from services.kpi.domain.targets import Target
from services.kpi.query import cells
from services.kpi.query.cells import EncodedCells, decode_day, decode_on, decode_selection
from services.kpi.query.live_view import ViewState, state_cells
from services.kpi.store.reads import Progress
from services.kpi.wire.values import encode_pace, encode_value
from tests.unit.kpi.builders import JANUARY, real_catalogue
from tests.unit.kpi.view_states import view_state

CATALOGUE = real_catalogue()
ALPHA = view_pb2.Selection(
    unit_ids=["alpha"], indicator_codes=["KNW-01"], from_month="2025-01", to_month="2025-12"
)


def selection(**fields: object) -> view_pb2.Selection:
    months = {"from_month": "2025-01", "to_month": "2025-03"}
    return view_pb2.Selection(**{**months, **fields})  # type: ignore[arg-type]


def test_without_a_wish_it_is_the_root_all_institutions_and_all_indicators() -> None:
    found = decode_selection(selection(), CATALOGUE)
    assert found.unit_ids == ["root", "alpha", "beta", "gamma"]
    assert [one.code for one in found.indicators] == list(CATALOGUE.indicators)
    assert found.ranges == [(JANUARY, JANUARY + 2)]


def test_a_range_by_month_is_one_range_for_each() -> None:
    found = decode_selection(selection(by_month=True), CATALOGUE)
    assert found.ranges == [(JANUARY + i, JANUARY + i) for i in range(3)]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"unit_ids": ["alpha", "absent"]}, "selection.unit_ids"),
        ({"indicator_codes": ["ZZZ-99"]}, "selection.indicator_codes"),
        ({"unit_ids": ["alpha"] * 1001}, "selection"),
        ({"indicator_codes": ["KNW-01"] * 101}, "selection"),
        ({"to_month": "2024-12"}, "to_month"),
        ({"from_month": ""}, "from_month"),
    ],
)
def test_a_wish_that_cannot_be_met_names_its_field(wish: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        decode_selection(selection(**wish), CATALOGUE)
    assert list(refused.value.fields) == [field]


def test_the_largest_selection_is_taken() -> None:
    most = selection(unit_ids=["alpha"] * 1000, indicator_codes=["KNW-01"] * 100)
    found = decode_selection(most, CATALOGUE)
    assert (len(found.unit_ids), len(found.indicators)) == (1000, 100)


def test_cells_carry_values_and_the_target_of_the_last_months_year() -> None:
    target = Target("alpha", "KNW-01", 2025, 120)
    wish = selection(unit_ids=["alpha", "beta"], indicator_codes=["KNW-01", "KNW-08"])
    cells = state_cells(
        view_state(target, alpha=62), decode_selection(wish, CATALOGUE), date(2025, 12, 31)
    )
    count, attained, other, nothing = cells
    assert (count.unit_id, count.indicator_code) == ("alpha", "KNW-01")
    assert (count.from_month, count.to_month) == ("2025-01", "2025-03")
    assert (count.verified.whole, count.declared.whole, count.target) == (62, 0, 120)
    assert attained.verified.ratio == view_pb2.Ratio(numerator=62, denominator=120)
    assert not attained.HasField("target")
    assert not other.HasField("target")
    assert nothing.verified.ratio.denominator == 0


def test_values_are_whole_or_ratios() -> None:
    assert encode_value(-3) == view_pb2.Value(whole=-3)
    ratio = view_pb2.Ratio(numerator=1, denominator=0)
    assert encode_value(Ratio(1, 0)) == view_pb2.Value(ratio=ratio)


def read(at: ViewState, on: date = date(2025, 7, 1), **fields: object) -> view_pb2.Cell:
    wish = view_pb2.Selection()
    wish.CopyFrom(ALPHA)
    wish.MergeFrom(view_pb2.Selection(**fields))  # type: ignore[arg-type]
    return state_cells(at, decode_selection(wish, CATALOGUE), on)[0]


def test_a_target_is_told_with_its_pace_on_the_day_that_is_asked_for() -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120), alpha=62)
    found = read(at, date(2025, 7, 1)).pace
    # 182 of 365 days.
    assert (found.on_date, found.standing) == ("2025-07-01", view_pb2.Pace.STANDING_ON_PACE)
    assert found.value == 62
    assert found.expected == view_pb2.Ratio(numerator=24 * 182, denominator=73)
    assert found.forecast == view_pb2.Ratio(numerator=31 * 365, denominator=91)
    assert read(at, date(2025, 12, 1)).pace.standing == view_pb2.Pace.STANDING_BEHIND


def test_a_pace_is_told_at_the_end_of_a_range_that_is_over() -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120), alpha=62)
    assert read(at, date(2026, 2, 1), to_month="2025-03").pace.on_date == "2025-03-31"


def test_one_day_asked_in_three_ways_has_one_answer() -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120), alpha=62)
    at.cube.put(0, "alpha", JANUARY + 9, {("KNW-01:verified", ""): 50})
    year = read(at, date(2025, 7, 31), to_month="2025-12")
    until = read(at, date(2025, 7, 31), to_month="2025-07")
    later = read(at, date(2026, 11, 30), to_month="2025-07")
    assert (year.verified.whole, until.verified.whole) == (112, 62)
    assert year.pace == until.pace == later.pace
    assert (year.pace.value, year.pace.on_date) == (62, "2025-07-31")


def test_a_day_within_a_month_that_is_over_is_judged_at_the_end_of_the_month_before() -> None:
    today = date(2025, 9, 20)
    assert decode_on("2025-07-15", today) == decode_on("2025-06-30", today) == date(2025, 6, 30)
    assert decode_on("2025-09-19", today) == date(2025, 8, 31)
    assert decode_on("", today) == decode_on("2025-09-20", today) == today


def test_months_are_not_measured_against_the_target_of_their_year() -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120), alpha=62)
    wish = selection(unit_ids=["alpha"], indicator_codes=["KNW-01", "KNW-08"], by_month=True)
    cells = state_cells(at, decode_selection(wish, CATALOGUE), date(2025, 7, 31))
    assert len(cells) == 6
    assert not any(cell.HasField("target") or cell.HasField("pace") for cell in cells)
    assert {cell.verified.ratio.denominator for cell in cells[3:]} == {0}
    february = read(at, from_month="2025-02")
    assert not february.HasField("target")


def test_nobody_is_behind_while_nothing_has_been_read() -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120))
    assert read(at).pace.standing == view_pb2.Pace.STANDING_BEHIND
    at.progress = Progress({}, 0, 0, frozenset())
    cell = read(at)
    assert cell.target == 120
    assert not cell.HasField("pace")


@pytest.mark.parametrize(
    ("code", "fields", "on"),
    [
        ("KNW-01", {"from_month": "2025-02"}, date(2025, 7, 1)),
        ("KNW-01", {"from_month": "2024-01"}, date(2025, 7, 1)),
        ("KNW-01", {}, date(2024, 12, 31)),
        ("KNW-04", {}, date(2025, 7, 1)),
    ],
)
def test_where_a_line_says_nothing_there_is_no_pace(
    code: str, fields: dict[str, object], on: date
) -> None:
    at = view_state(Target("alpha", code, 2025, 120), alpha=62)
    cell = read(at, on, **{"indicator_codes": [code], **fields})
    assert not cell.HasField("pace")


@pytest.mark.parametrize(
    ("direction", "standing"),
    [("up", "STANDING_BEHIND"), ("down", "STANDING_ON_PACE"), ("none", None)],
)
def test_the_direction_of_an_indicator_says_which_side_of_the_line_is_good(
    direction: str, standing: str | None
) -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120), alpha=5)
    one = replace(CATALOGUE.indicators["KNW-01"], direction=direction)
    wish = decode_selection(ALPHA, CATALOGUE)
    cell = state_cells(at, replace(wish, indicators=[one]), date(2025, 7, 1))[0]
    assert cell.HasField("pace") == (standing is not None)
    if standing:
        assert view_pb2.Pace.Standing.Name(cell.pace.standing) == standing


def test_a_unit_that_did_not_change_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    at = view_state(Target("alpha", "KNW-01", 2025, 120), alpha=62, beta=5)
    both = {"unit_ids": ["alpha", "beta"]}
    wish = decode_selection(selection(**both, indicator_codes=["KNW-01"]), CATALOGUE)
    on = date(2025, 7, 1)
    first = state_cells(at, wish, on)
    made: list[str] = []
    encode = cells._cells

    def noted(*arguments: Any) -> Any:
        made.append(arguments[2])
        return encode(*arguments)

    monkeypatch.setattr(cells, "_cells", noted)
    assert state_cells(at, wish, on) == first
    assert made == []
    at.cube.put(0, "beta", JANUARY, {("KNW-01:verified", ""): 6})
    assert [c.verified.whole for c in state_cells(at, wish, on)] == [62, 6]
    assert made == ["beta"]
    at.targets = {}
    assert not state_cells(at, wish, on)[0].HasField("target")
    state_cells(at, wish, date(2025, 7, 2))
    assert made == ["beta", "alpha", "beta", "alpha", "beta"]


def test_encoded_cells_are_dropped_before_they_fill_the_memory() -> None:
    kept = EncodedCells()
    kept.get("alpha", 1)["x"] = []
    kept.added(cells.CELLS_MAX)
    assert "x" in kept.get("alpha", 1)
    kept.added(1)
    assert "x" not in kept.get("alpha", 1)


def test_what_is_no_day_names_its_field() -> None:
    assert decode_day("2025-02-28", "on_date") == date(2025, 2, 28)
    for text in ("2025-02-30", "9999-12-31"):
        with pytest.raises(InvalidArgument) as refused:
            decode_day(text, "on_date")
        assert list(refused.value.fields) == ["on_date"]


def test_a_sum_beyond_what_the_contract_holds_is_answered_as_the_largest_number() -> None:
    assert encode_value(10**19).whole == 2**63 - 1
    assert encode_value(-(10**19)).whole == -(2**63 - 1)
    ratio = encode_value(Ratio(10**19, 720_720)).ratio
    assert (ratio.numerator, ratio.denominator) == (2**63 - 1, 720_720)


def test_a_pace_beyond_what_the_contract_holds_is_answered_with_the_largest_numbers() -> None:
    past = (PastForecast(2024, Fraction(10**19), 10**19),)
    found = encode_pace(pace(10**19, 10**20, 0, date(2025, 6, 30), (Fraction(1, 2), 2), past))
    largest = 2**63 - 1
    assert (found.value, found.past_forecasts[0].forecast) == (largest, largest)
    assert found.past_forecasts[0].actual == largest
