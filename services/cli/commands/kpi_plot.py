"""`kieng kpi plot`: draws an indicator's year against its target, as PNG or SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.calendar import day_in_vietnam
from services.cli.client.stack import CONSORTIUM
from services.cli.commands.kpi import (
    OnDay,
    OneIndicator,
    OneUnit,
    To,
    check_month,
    read_months,
    read_names,
)
from services.cli.commands.kpi_history import check_day
from services.cli.commands.kpi_targets import Children, children_of
from services.cli.errors import USAGE, Failure
from services.cli.files.destination import need_place
from services.cli.session import Session, with_session
from services.cli.terminal.plots import PlotLayout, plot_json

FORMATS = (".png", ".svg")

Place = tuple[str, str]
"""Unit id, and the last month `YYYY-MM` of a range that begins in January."""


@with_session("viewer")
def plot(
    session: Session,
    indicator: OneIndicator,
    to_month: To = "",
    from_month: Annotated[
        str, typer.Option("--from", help="First month shown (default: January of the year).")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="Where to write the picture, .png or .svg (default: named after what it shows).",
        ),
    ] = None,
    unit: OneUnit = CONSORTIUM,
    children: Children = False,
    on: OnDay = "",
    as_of: Annotated[
        str, typer.Option("--as-of", help="As of the end of this day, if it is kept.")
    ] = "",
) -> None:
    """Draw an indicator from January to each month, against what is expected and the target.

    Example: kieng kpi plot --unit vnu --indicator KNW-01 --to 2025-12 --file knw-01.svg
    """
    _, to_month = read_months("", to_month)
    first = _first_month(from_month, to_month)
    check_day("--on", on)
    check_day("--as-of", as_of)
    file = file or _named(unit, indicator, to_month, children)
    if file.suffix.lower() not in FORMATS:
        raise Failure(f"--file {str(file)!r}: name a file .png or .svg", USAGE)
    need_place(file)
    names = read_names(session)
    units = children_of(names, [unit]) if children else [unit]
    months = [f"{to_month[:4]}-{month:02d}" for month in range(first, int(to_month[5:]) + 1)]
    wanted = kpi_service_pb2.GetKpisRequest(
        selection=view_pb2.Selection(unit_ids=units, indicator_codes=[indicator]),
        # Each point is judged at the end of its own months.
        on_date=f"{to_month[:4]}-12-31",
        as_of=as_of,
    )
    cells: dict[Place, view_pb2.Cell] = {}
    for month in months:
        for cell in _read(session, wanted, month).cells:
            cells[cell.unit_id, month] = cell
    wanted.on_date = on
    answer = _read(session, wanted, to_month)
    last = (on or as_of or day_in_vietnam(datetime.now(UTC)).isoformat())[:7]
    screen = session.screen
    layout = PlotLayout(screen, names, indicator, months, answer)
    made = layout.plot([_course(cells, cell.unit_id, months, last) for cell in answer.cells])
    if file.suffix.lower() == ".svg":
        from services.cli.documents.svg import svg_bytes

        file.write_bytes(svg_bytes(made, screen.lang.value))
    else:
        from services.cli.documents.png import png_bytes

        file.write_bytes(png_bytes(made))
    screen.answer(
        plot_json(answer, made, months, file),
        lambda: screen.text("plot.written", file=file, panels=len(units)),
    )


def _first_month(from_month: str, to_month: str) -> int:
    """Return the number of the first month that is shown, 1 to 12.

    Raises:
        Failure: it is no month of the year of the last one, or comes after it.
    """
    if not from_month:
        return 1
    check_month("--from", from_month)
    if from_month[:4] != to_month[:4] or from_month > to_month:
        raise Failure("--from: a picture shows months of one year, in order", USAGE)
    return int(from_month[5:])


def _named(unit: str, indicator: str, to_month: str, children: bool) -> Path:
    """Return the name of a picture in the working folder, e.g. `knw-01-vnu-hus-2025-12.svg`."""
    below = "-children" if children else ""
    return Path(f"{indicator}-{unit.replace('/', '-')}{below}-{to_month}.svg".lower())


def _read(
    session: Session, wanted: kpi_service_pb2.GetKpisRequest, month: str
) -> kpi_service_pb2.GetKpisResponse:
    wanted.selection.from_month, wanted.selection.to_month = f"{month[:4]}-01", month
    answer: kpi_service_pb2.GetKpisResponse = session.stub(KpiServiceStub).GetKpis(wanted)
    return answer


def _course(
    cells: Mapping[Place, view_pb2.Cell], unit: str, months: Sequence[str], last: str
) -> list[tuple[view_pb2.Value | None, Fraction | None]]:
    """Return for each month the value up to its end (None after ``last``) and the expected one."""
    course: list[tuple[view_pb2.Value | None, Fraction | None]] = []
    for month in months:
        cell = cells[unit, month]
        expected = None
        if cell.HasField("pace"):
            expected = Fraction(cell.pace.expected.numerator, cell.pace.expected.denominator)
        course.append((cell.verified if month <= last else None, expected))
    return course
