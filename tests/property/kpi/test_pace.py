"""The pace of a target, checked by an oracle that counts works by their days, one after another."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kieng.kpi.v1 import view_pb2
from services.kpi.domain.cube import Cube
from services.kpi.domain.targets import Target
from services.kpi.query.cells import decode_on, decode_selection
from services.kpi.query.live_view import ViewState, state_cells
from services.kpi.store.reads import Progress
from tests.unit.kpi.builders import real_catalogue
from tests.unit.kpi.view_states import view

CATALOGUE = real_catalogue()
YEAR = 2025
COLUMN = ("KNW-01:verified", "")
DAYS = st.dates(date(YEAR - 4, 1, 1), date(YEAR, 12, 31))


def state(works: list[date], target: int) -> ViewState:
    cube = Cube(CATALOGUE)
    months: dict[int, int] = {}
    for day in works:
        month = day.year * 12 + day.month - 1
        months[month] = months.get(month, 0) + 1
    for month, count in months.items():
        cube.put(0, "alpha", month, {COLUMN: count})
    targets = {each.key: each for each in [Target("alpha", "KNW-01", YEAR, target)]}
    progress = Progress({0: 5}, 1_750_000_000_000, 0, frozenset())
    return ViewState(view(), CATALOGUE, cube, progress, targets, 1)


def asked(at: ViewState, to_month: str, on: str, today: date) -> view_pb2.Cell:
    wish = view_pb2.Selection(
        unit_ids=["alpha"],
        indicator_codes=["KNW-01"],
        from_month=f"{YEAR}-01",
        to_month=to_month,
    )
    (cell,) = state_cells(at, decode_selection(wish, CATALOGUE), decode_on(on, today))
    return cell


def month_end(day: date) -> date:
    return date(day.year, day.month, monthrange(day.year, day.month)[1])


def expected_part(works: list[date], year: int, on: date) -> tuple[Fraction, int]:
    """Part of a year's works that earlier ones had by the day, every work weighed by itself."""
    known = [y for y in range(YEAR - 6, year) if any(work.year == y for work in works)]
    had, ended = Fraction(0), 0
    for work in works:
        if work.year in known:
            ended += 1
            if work.month < on.month:
                had += 1
            elif work.month == on.month:
                had += Fraction(on.day, monthrange(on.year, on.month)[1])
    if len(known) >= 2 and had:
        return had / ended, len(known)
    days = (date(on.year, 12, 31) - date(on.year, 1, 1)).days + 1
    return Fraction((on - date(on.year, 1, 1)).days + 1, days), 0


@given(st.lists(DAYS, max_size=60), st.integers(1, 40), st.dates(date(YEAR, 1, 1)), st.data())
def test_a_day_has_one_pace_which_an_oracle_finds_too(
    works: list[date], target: int, today: date, data: st.DataObject
) -> None:
    # Nothing that will happen is known yet, and the day that is asked about has come.
    works = [work for work in works if work <= today]
    on = data.draw(st.dates(date(YEAR, 1, 1), min(today, date(YEAR, 12, 31))))
    until = month_end(on)
    at = state(works, target)
    ways = [
        asked(at, f"{YEAR}-12", on.isoformat(), today),
        asked(at, f"{until:%Y-%m}", on.isoformat(), today),
        asked(state([w for w in works if w <= until], target), f"{YEAR}-12", on.isoformat(), today),
    ]
    assert ways[0].pace == ways[1].pace == ways[2].pace
    if on not in (until, today):
        until = on.replace(day=1) - timedelta(days=1)
    elif on == today:
        until = today
    cell = ways[0]
    if until.year < YEAR:
        assert not cell.HasField("pace")
        return
    value = sum(work.year == YEAR and work <= until for work in works)
    part, years = expected_part(works, YEAR, until)
    pace = cell.pace
    assert (pace.on_date, pace.value, pace.season_years) == (until.isoformat(), value, years)
    assert Fraction(pace.expected.numerator, pace.expected.denominator) == target * part
    assert Fraction(pace.forecast.numerator, pace.forecast.denominator) == value / part
    standing = 1 if value >= target else 2 if value >= target * part else 3
    assert pace.standing == standing
    for past in pace.past_forecasts:
        had, _ = expected_part(works, past.year, until)
        whole = [work for work in works if work.year == past.year]
        done = sum(work.month < until.month for work in whole)
        this = sum(work.month == until.month for work in whole)
        by_day = done + this * Fraction(until.day, monthrange(until.year, until.month)[1])
        assert (past.forecast, past.actual) == (round(by_day / had), len(whole))
    if pace.HasField("forecast_low"):
        assert pace.forecast_low <= value / part <= pace.forecast_high
        assert len(pace.past_forecasts) >= 2
