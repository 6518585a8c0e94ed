"""Renders targets: value, bar, standing, gap, and the forecast with its past errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from kieng.kpi.v1 import view_pb2
from services.cli.terminal.amounts import amount_text
from services.cli.terminal.frame import title_of
from services.cli.terminal.kpi_tables import Names, is_over
from services.cli.terminal.pictures import bullet
from services.cli.terminal.render import NOTHING, enum_text, percent_text
from services.cli.terminal.screen import Output, Screen
from services.cli.terminal.tables import WholeTable

DROPPED = (">past_error", "name", ">forecast", "trend")
"""Columns that are left out on a narrow screen, in this order."""
PAST_MIN = 2
"""Minimum number of earlier years for a past error; a single year proves nothing."""


def standing_of(cell: view_pb2.Cell) -> str:
    """Return how a target is judged: `reached`, `on_pace` or `behind`; empty if it cannot be."""
    if not cell.HasField("pace"):
        return ""
    return enum_text(view_pb2.Pace.Standing.Name(cell.pace.standing), "STANDING_")


def gap_of(cell: view_pb2.Cell) -> Fraction:
    """Return what is missing to be on pace, divided by the target, e.g. 1/4.

    0 if the target is reached, on pace or 0, or if it cannot be judged.
    """
    return Fraction(cell.pace.gap, cell.target) if cell.target else Fraction(0)


def parts_of(cell: view_pb2.Cell) -> tuple[Fraction, Fraction | None] | None:
    """Return the reached and the expected value, each divided by the target.

    The expected value is None if the target cannot be judged. The reached value is the one that is
    judged, which may be less than the value of the range.

    Returns:
        The two parts; None if there is no target, the target is 0, or the value is not a whole
            number.
    """
    if not cell.target or not cell.verified.HasField("whole"):
        return None
    if not cell.HasField("pace"):
        return Fraction(cell.verified.whole, cell.target), None
    expected = Fraction(cell.pace.expected.numerator, cell.pace.expected.denominator)
    return Fraction(cell.pace.value, cell.target), expected / cell.target


class TargetTexts:
    """Writes the figures of a target as texts for people.

    Args:
        screen: language of the texts.
        names: names and units of measure of the indicators.
        exact: whether amounts of money are written with every dong.
    """

    def __init__(self, screen: Screen, names: Names, exact: bool) -> None:
        self._screen = screen
        self._names = names
        self._exact = exact

    def amount(self, cell: view_pb2.Cell, number: int) -> str:
        """Return a number as text, in the unit of measure of the cell's indicator.

        An amount of money is shortened, e.g. `52.5 billion`, unless it is to be exact.
        """
        unit = self._names.units_of_value.get(cell.indicator_code, "")
        return amount_text(number, unit, self._screen.lang, self._exact)

    def judged(self, cell: view_pb2.Cell) -> str:
        """Return the value that is compared with the target as text, e.g. `52.5 billion`.

        Without a pace, no comparison is possible, and this is the value of the cell's months.
        """
        whole = cell.pace.value if cell.HasField("pace") else cell.verified.whole
        return self.amount(cell, whole)

    def attainment(self, cell: view_pb2.Cell) -> str:
        """Return the reached part of the target as a percentage, e.g. `60%`.

        A dash if there is no target, or the value is not a whole number.
        """
        parts = parts_of(cell)
        return percent_text(float(parts[0]), self._screen.lang) if parts else NOTHING

    def standing(self, cell: view_pb2.Cell, is_reading: bool) -> str:
        """Return the standing of a target as text, with the amount that is missing if it is behind.

        After the end of the year, a target that was not reached is missed. Without a standing, the
        text says that nothing has been read yet, or that the target cannot be judged.

        Args:
            cell: values of an indicator, with a target.
            is_reading: whether nothing has been read yet, so that nothing can be judged.
        """
        name = standing_of(cell)
        if not name:
            return self._screen.text("standing.reading" if is_reading else "standing.unjudged")
        if name != "behind":
            return self._screen.text(f"standing.{name}")
        key = "standing.missed" if is_over(cell.pace) else "standing.behind"
        return self._screen.text(key, gap=self.amount(cell, cell.pace.gap))

    def forecast(self, cell: view_pb2.Cell) -> str:
        """Return the value expected at the end of the year, with its range if one is known.

        A dash if the year is over or the target cannot be judged.
        """
        if not cell.HasField("pace") or is_over(cell.pace):
            return NOTHING
        pace = cell.pace
        shown = self.amount(cell, pace.forecast.numerator // pace.forecast.denominator)
        if not pace.HasField("forecast_low"):
            return shown
        low, high = self.amount(cell, pace.forecast_low), self.amount(cell, pace.forecast_high)
        return f"{shown} ({low} – {high})"  # noqa: RUF001

    def error(self, cell: view_pb2.Cell) -> str:
        """Return how far earlier years' forecasts on the same day were off on average, in percent.

        A dash if the year is over, or fewer than `PAST_MIN` years are known.
        """
        past = [each for each in cell.pace.past_forecasts if each.actual]
        if len(past) < PAST_MIN or is_over(cell.pace):
            return NOTHING
        errors = [Fraction(abs(each.forecast - each.actual), each.actual) for each in past]
        mean = percent_text(float(sum(errors) / len(errors)), self._screen.lang)
        return self._screen.text("forecast.error", mean=mean, years=len(past))


def targets_table(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    view: view_pb2.ViewInfo,
    exact: bool,
    trends: Mapping[tuple[str, str], str] | None = None,
) -> WholeTable:
    """Return a table with a row for each cell that has a target.

    Columns in `DROPPED` are left out if the screen is too narrow, and then a unit that all rows
    have stands in the title.

    Args:
        screen: language and width.
        names: names and units of measure of units and indicators.
        cells: cells; those without a target are left out.
        view: view that the cells come from.
        exact: whether amounts of money are written with every dong.
        trends: (unit id, indicator code) -> sparkline of the months; None for no such column.
    """
    held = [cell for cell in cells if cell.HasField("target")]
    texts, is_reading = TargetTexts(screen, names, exact), not view.HasField("newest_event_at")
    columns: dict[str, list[str]] = {
        "unit": [cell.unit_id for cell in held],
        "indicator": [cell.indicator_code for cell in held],
        "name": [names.indicators.get(cell.indicator_code, "") for cell in held],
        ">value": [texts.judged(cell) for cell in held],
        ">target": [texts.amount(cell, cell.target) for cell in held],
        "bar": [bullet(*parts) if (parts := parts_of(cell)) else "" for cell in held],
        "standing": [texts.standing(cell, is_reading) for cell in held],
        ">forecast": [texts.forecast(cell) for cell in held],
        ">past_error": [texts.error(cell) for cell in held],
    }
    if not set(columns[">past_error"]) - {NOTHING}:
        del columns[">past_error"]
    if trends is not None:
        places = ((cell.unit_id, cell.indicator_code) for cell in held)
        columns["trend"] = [trends.get(place, "") for place in places]
    title = title_of(screen, view, held or cells, "verified")
    table = _filled(screen, columns, title)
    for dropped in DROPPED:
        if screen.output is not Output.table or table.fits(screen.answers.width):
            break
        columns.pop(dropped, None)
        table = _filled(screen, columns, title)
    if not table.fits(screen.answers.width) and len(set(columns["unit"])) == 1:
        # What is the same in all rows stands above them.
        (unit_id,) = set(columns.pop("unit"))
        table = _filled(screen, columns, f"{unit_id} · {title}")
    return table


def _filled(screen: Screen, columns: Mapping[str, Sequence[str]], title: str) -> WholeTable:
    table = screen.table(*columns, title=title)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def by_gap(cells: Iterable[view_pb2.Cell]) -> list[view_pb2.Cell]:
    """Return cells sorted by the missing part of their target, the largest first; see `gap_of`."""
    return sorted(cells, key=gap_of, reverse=True)
