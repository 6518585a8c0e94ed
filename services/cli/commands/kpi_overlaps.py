"""`kieng kpi overlaps`: lists or counts the works that several units claim."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from kieng.kpi.v1 import kpi_service_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.commands.kpi import (
    From,
    MeasureOption,
    OneIndicator,
    OneUnit,
    To,
    read_measure,
    read_months,
    read_names,
)
from services.cli.session import Session, with_session
from services.cli.terminal.explanation_tables import overlap_table
from services.cli.terminal.frame import frame_text
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import NOTHING, number_text, view_json
from services.cli.terminal.screen import Screen

Matrix = Annotated[
    bool, typer.Option("--matrix", help="Count by pair and by three instead of listing works.")
]


@with_session("viewer")
def overlaps(
    session: Session,
    indicator: OneIndicator,
    from_month: From = "",
    to_month: To = "",
    unit: OneUnit = "consortium",
    measure: MeasureOption = "verified",
    matrix: Matrix = False,
) -> None:
    """List the works that several children of a unit claim; they count once above.

    Example: kieng kpi overlaps --indicator KNW-03 --from 2025-01 --to 2025-07 --matrix
    """
    first, last = read_months(from_month, to_month)
    fields = {
        "unit_id": unit,
        "indicator_code": indicator,
        "from_month": first,
        "to_month": last,
        "measure": read_measure(measure),
    }
    (_counted if matrix else _listed)(session, fields)


def _listed(session: Session, fields: dict[str, Any]) -> None:
    request = kpi_service_pb2.ListOverlapsRequest(**fields)
    stub = session.clients.stub(KpiServiceStub)
    answer = page = stub.ListOverlaps(request)
    while page.next_page_token:
        request.page_token = page.next_page_token
        page = stub.ListOverlaps(request)
        answer.overlaps.extend(page.overlaps)
    result = {
        "view": view_json(answer.view, datetime.now(UTC)),
        "whole": answer.whole,
        "sum_of_children": answer.sum_of_children,
        "overlaps": [{"work_key": o.work_key, "units": list(o.unit_ids)} for o in answer.overlaps],
    }
    screen = session.screen
    screen.answer(
        result,
        lambda: Group(overlap_table(screen, answer, None), frame_text(screen, answer.view)),
    )


def _counted(session: Session, fields: dict[str, Any]) -> None:
    screen = session.screen
    stub = session.clients.stub(KpiServiceStub)
    answer = stub.GetOverlapMatrix(kpi_service_pb2.GetOverlapMatrixRequest(**fields))
    names = Names() if screen.is_json else read_names(session)
    result = {
        "view": view_json(answer.view, datetime.now(UTC)),
        "whole": answer.whole,
        "own": answer.own,
        **{
            name: [
                {
                    "units": list(one.unit_ids),
                    "works": one.works,
                    "works_of_them_only": one.works_of_them_only,
                }
                for one in getattr(answer, name)
            ]
            for name in ("children", "pairs", "triples", "sets")
        },
    }
    screen.answer(result, lambda: matrix_table(screen, names, answer))


def matrix_table(
    screen: Screen, names: Names, answer: kpi_service_pb2.GetOverlapMatrixResponse
) -> RenderableType:
    """Return a table of the works that each pair of units has in common, and one for sets of three.

    Each pair is shown once, and in the column of a unit itself all works that it claims. A last
    line shows how the value of the whole follows from those of the units.
    """
    units = [one.unit_ids[0] for one in answer.children]
    works = {tuple(one.unit_ids): one.works for one in [*answer.children, *answer.pairs]}
    table = screen.table("unit")
    for unit in units:
        table.add_column(names.units.get(unit, unit), justify="right", overflow="fold")
    for i, unit in enumerate(units):
        row = [works.get((unit,) if unit == other else (unit, other), 0) for other in units]
        shown = [NOTHING if j < i else number_text(n, screen.lang) for j, n in enumerate(row)]
        table.add_row(names.units.get(unit, unit), *shown)
    triples = screen.table("units", ">works")
    for one in answer.triples:
        called = (names.units.get(unit, unit) for unit in one.unit_ids)
        triples.add_row(", ".join(called), number_text(one.works, screen.lang))
    twice = sum((len(one.unit_ids) - 1) * one.works_of_them_only for one in answer.sets)
    check = screen.text(
        "matrix.check",
        whole=number_text(answer.whole, screen.lang),
        sum=number_text(sum(one.works for one in answer.children), screen.lang),
        twice=number_text(twice, screen.lang),
        own=number_text(answer.own, screen.lang),
    )
    made: list[RenderableType] = [table, *([triples] if answer.triples else [])]
    return Group(*made, check, frame_text(screen, answer.view))
