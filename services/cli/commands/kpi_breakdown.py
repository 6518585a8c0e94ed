"""`kieng kpi show --by ...`: breaks values down by field, area, house or a fact of works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from kieng.kpi.v1 import catalogue_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.client.clients import Clients
from services.cli.terminal.frame import period_text, title_of
from services.cli.terminal.kpi_tables import Names, grid
from services.cli.terminal.render import value_text
from services.cli.terminal.screen import Screen

HOUSE = "house"
HOUSES = ("state", "university", "enterprise", "consortium", "all")
UNCLASSIFIED = "unclassified"

By = Annotated[
    str,
    typer.Option(
        "--by", help="Split by house, by field or area, or by a fact such as trl, kind or level."
    ),
]


def asked(by: str) -> str:
    """Return the classification to request from the service for a value of `--by`; empty for none.

    It is the value itself, but empty for `house`, because each indicator belongs to one house.
    """
    return "" if by == HOUSE else by


def houses_json(clients: Clients, document: dict[str, Any]) -> None:
    """Add the key `house` to every cell of a JSON answer: the house of the cell's indicator.

    It is empty if the live catalogue lacks the indicator. ``document`` is changed.

    Raises:
        CallFailed: the service refused the call or did not answer.
    """
    request = catalogue_service_pb2.GetCatalogueRequest()
    message = clients.stub(CatalogueServiceStub).GetCatalogue(request).catalogue
    houses = {indicator.code: indicator.house for indicator in message.indicators}
    for cell in document["cells"]:
        cell["house"] = houses.get(cell["indicator"], "")


def table(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    measure: str,
    view: view_pb2.ViewInfo,
    by: str,
) -> RenderableType:
    """Return values with their breakdown: a table per house, or a row per term below each value.

    A house, e.g. `university`, is the group of bodies to which an indicator belongs; a term is one
    entry of the classification ``by``.

    Args:
        screen: language and width.
        names: names of units, indicators and terms.
        cells: values of one unit, indicator and range of months each, with their breakdown.
        measure: `declared` or `verified`.
        view: view that the cells come from.
        by: value of the option `--by`.
    """
    if by != HOUSE:
        return _terms(screen, names, cells, measure, view, by)
    shown: list[RenderableType] = []
    for house in HOUSES:
        found = [cell for cell in cells if names.houses.get(cell.indicator_code) == house]
        if found:
            shown += [screen.text(f"house.{house}"), grid(screen, names, found, measure, view)]
    return Group(*shown)


def _terms(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    measure: str,
    view: view_pb2.ViewInfo,
    by: str,
) -> RenderableType:
    title = title_of(screen, view, cells, measure)
    made = screen.table("unit", "indicator", "period", "term", ">value", title=title)
    for cell in cells:
        unit = names.units_of_value.get(cell.indicator_code, "")

        def shown(value: view_pb2.Value, unit: str = unit) -> str:
            return value_text(value, unit, screen.lang)

        made.add_section()
        period = period_text(cell.from_month, cell.to_month)
        place = (cell.unit_id, cell.indicator_code, period)
        made.add_row(*place, screen.text("cut.whole"), shown(getattr(cell, measure)))
        for term in cell.split.terms:
            name = names.terms.get((by, term.term), names.units.get(term.term, term.term))
            if term.term == UNCLASSIFIED:
                name = screen.text("cut.unclassified")
            made.add_row("", "", "", f"  {name}", shown(getattr(term, measure)))
        again = getattr(cell.split, f"{measure}_again")
        if again.whole or again.ratio.numerator or again.HasField("ratio"):
            made.add_row("", "", "", f"  - {screen.text('cut.several')}", shown(again))
    return made
