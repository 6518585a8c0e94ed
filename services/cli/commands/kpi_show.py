"""`kieng kpi show`: indicators of units over a range of months, and their targets."""

from __future__ import annotations

from rich.console import RenderableType

from services.cli.commands import kpi_breakdown, kpi_history, kpi_targets
from services.cli.commands.kpi import (
    ByMonth,
    From,
    Indicators,
    MeasureOption,
    OnDay,
    To,
    Units,
    document,
    read_measure,
    read_names,
    selection,
)
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.kpi_tables import Names, grid
from services.cli.terminal.target_tables import targets_table


@with_session("viewer")
def show(
    session: Session,
    from_month: From = "",
    to_month: To = "",
    units: Units = [],  # noqa: B006  typer copies it
    indicators: Indicators = [],  # noqa: B006
    children: kpi_targets.Children = False,
    measure: MeasureOption = "verified",
    by_month: ByMonth = False,
    by: kpi_breakdown.By = "",
    targets_only: kpi_targets.TargetsOnly = False,
    behind: kpi_targets.Behind = False,
    sort: kpi_targets.Sort = kpi_targets.Order.catalogue,
    trend: kpi_targets.Trend = False,
    exact: kpi_targets.Exact = False,
    on: OnDay = "",
    as_of: kpi_history.AsOf = "",
    at_vector: kpi_history.AtVector = "",
    replay: kpi_history.Replay = False,
) -> None:
    """Show indicators of units over a range of months, now or in the past, and their targets.

    Example: kieng kpi show --unit vnu --indicator KNW-01 --from 2025-01 --to 2025-07
    """
    read_measure(measure)
    narrowed = kpi_targets.Narrowing(targets_only or trend, behind, sort)
    if narrowed.is_on and (by or by_month):
        text = "--targets-only, --behind, --sort gap, --trend: not with --by or --by-month"
        raise Failure(text, USAGE)
    screen = session.screen
    wanted = selection(units, indicators, from_month, to_month, by_month, kpi_breakdown.asked(by))
    names = Names()
    if children or not screen.is_json:
        names = read_names(session)
    if children:
        wanted.unit_ids[:] = kpi_targets.children_of(names, units)
    answer = kpi_history.read_cells(session, wanted, on, as_of, at_vector, replay)
    cells, view = narrowed(answer.cells), answer.view
    result = document(view, cells) | kpi_history.past_json(answer, as_of, at_vector)
    if by == kpi_breakdown.HOUSE and screen.is_json:
        kpi_breakdown.houses_json(session.clients, result)

    def shown() -> RenderableType:
        if by:
            return kpi_breakdown.table(screen, names, cells, measure, view, by)
        if narrowed.is_on and not cells:
            return kpi_targets.nothing_text(screen, answer.cells, wanted.from_month)
        if narrowed.is_on:
            past = (as_of, at_vector, replay)
            drawn = kpi_targets.courses(session, cells, wanted.to_month, *past) if trend else None
            return targets_table(screen, names, cells, view, exact, drawn)
        return grid(screen, names, cells, measure, view, exact)

    screen.answer(result, shown)
