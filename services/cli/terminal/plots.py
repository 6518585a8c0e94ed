"""Lays out an indicator's values by month as a plot, in the language of the reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.cli.terminal.amounts import amount_text, fraction_of, short_text
from services.cli.terminal.frame import HASH_CHARACTERS, newest_text, period_text, position_text
from services.cli.terminal.kpi_tables import Names, pace_text
from services.cli.terminal.render import percent_text, ratio_json, value_text, view_json
from services.cli.terminal.screen import Screen

Series = Sequence[Fraction | None]
"""One number per month; None where it is not defined."""
Course = Sequence[tuple[view_pb2.Value | None, Fraction | None]]
"""For each month, the value from January to its end, and the value expected by then; or None."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The values of one indicator at one unit, with texts in the language of the reader.

    Args:
        title: name of the unit.
        note: present value, and how it compares with the target.
        values: for each month, the value from January to its end; None where it is not defined.
        expected: for each month, the value expected by its end; None where nothing is expected.
        target: value to reach by December; None without a target.
    """

    title: str
    note: str
    values: Series
    expected: Series
    target: Fraction | None


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with one panel per unit, all over the same months.

    Args:
        title: indicator and period.
        panels: the panels, at least one.
        months: label of each month.
        legend: names of value, expected value and target.
        frame: lines on what the numbers were computed from.
        amount: returns the label of an amount on an axis.
    """

    title: str
    panels: Sequence[Panel]
    months: Sequence[str]
    legend: tuple[str, str, str]
    frame: Sequence[str]
    amount: Callable[[Fraction], str]


class PlotLayout:
    """Lays out one indicator of one or more units as a plot.

    Args:
        screen: language of the texts.
        names: names of units and indicators.
        indicator: code of the indicator.
        months: the months, `YYYY-MM`, from January on.
        answer: one cell per unit, over all months together, with its target and pace.
    """

    def __init__(
        self,
        screen: Screen,
        names: Names,
        indicator: str,
        months: Sequence[str],
        answer: kpi_service_pb2.GetKpisResponse,
    ) -> None:
        self._screen = screen
        self._names = names
        self._indicator = indicator
        self._months = months
        self._answer = answer
        self._unit = names.units_of_value.get(indicator, "")

    def plot(self, courses: Sequence[Course]) -> Plot:
        """Return the plot, with one panel per cell of the answer.

        Args:
            courses: for each cell of the answer, in the same order, its values by month.

        Raises:
            ValueError: the numbers of courses and cells differ, which is a bug of the caller.
        """
        text, code = self._screen.text, self._indicator
        name = self._names.indicators.get(code, "")
        period = period_text(self._months[0], self._months[-1])
        return Plot(
            text("plot.title", code=code, name=name, period=period),
            [
                self._panel(cell, course)
                for cell, course in zip(self._answer.cells, courses, strict=True)
            ],
            [month[5:] for month in self._months],
            (text("plot.verified"), text("plot.expected"), text("plot.target")),
            self._frame(),
            self._amount,
        )

    def _panel(self, cell: view_pb2.Cell, course: Course) -> Panel:
        values = [value and fraction_of(value) for value, _ in course]
        target = Fraction(cell.target) if cell.HasField("target") else None
        title = self._names.units.get(cell.unit_id, cell.unit_id)
        return Panel(title, self._note(cell), values, [each for _, each in course], target)

    def _note(self, cell: view_pb2.Cell) -> str:
        shown = short_text(cell.verified, self._unit, self._screen.lang)
        if not self._answer.view.HasField("newest_event_at"):
            return self._screen.text("standing.reading")
        if not cell.HasField("target"):
            return shown
        target = amount_text(cell.target, self._unit, self._screen.lang)
        told = f"{shown} / {target}"
        if not cell.HasField("pace"):
            return told
        return f"{told} · {pace_text(self._screen, cell, self._unit, exact=False)}"

    def _amount(self, amount: Fraction) -> str:
        if amount.denominator == 1 and self._unit != "percent":
            return amount_text(int(amount), self._unit, self._screen.lang)
        if self._unit == "percent":
            return percent_text(float(amount), self._screen.lang)
        value = view_pb2.Value(
            ratio=view_pb2.Ratio(numerator=amount.numerator, denominator=amount.denominator)
        )
        return value_text(value, self._unit, self._screen.lang)

    def _frame(self) -> list[str]:
        view, text = self._answer.view, self._screen.text
        if not view.HasField("newest_event_at"):
            return [text("kpi.reading")]
        position, digest = position_text(view), view.digest[:HASH_CHARACTERS]
        return [
            text("report.view", view=view.view_id, position=position, digest=digest),
            newest_text(self._screen, view),
        ]


def plot_json(
    answer: kpi_service_pb2.GetKpisResponse, plot: Plot, months: Sequence[str], file: Path
) -> dict[str, Any]:
    """Return what is drawn as the JSON object that `--output json` prints; fractions are exact.

    For each unit it has the lists `verified` and `expected`, with a value or null per month, and
    its `target`; beside them are `view`, `file` and `months`.

    Args:
        answer: one cell per unit, over all months together.
        plot: the plot, with a panel for each cell of the answer.
        months: the months, `YYYY-MM`.
        file: path of the picture.
    """

    def series(values: Series) -> list[Any]:
        return [None if each is None else _ratio_json(each) for each in values]

    return {
        "view": view_json(answer.view, datetime.now(UTC)),
        "file": str(file),
        "months": list(months),
        "units": [
            {
                "unit": cell.unit_id,
                "verified": series(panel.values),
                "expected": series(panel.expected),
                "target": None if panel.target is None else int(panel.target),
            }
            for cell, panel in zip(answer.cells, plot.panels, strict=True)
        ],
    }


def _ratio_json(amount: Fraction) -> Any:
    if amount.denominator == 1:
        return int(amount)
    return ratio_json(view_pb2.Ratio(numerator=amount.numerator, denominator=amount.denominator))
