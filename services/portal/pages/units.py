"""A unit: its figures, and its parts ranked by what they reached."""

from __future__ import annotations

from starlette.responses import Response

from services.portal import wire
from services.portal.domain.figures import ranked
from services.portal.pages.board import board, read_cells, selection
from services.portal.site import Page


async def unit(page: Page) -> Response:
    """Answer `/units/ID`.

    Raises:
        Refused: the caller may not read.
        NotFound: there is no such unit.
    """
    unit_id = page.request.path_params["unit_id"]
    catalogue = await page.site.catalogues.live(page.session.token)
    found = await board(page, catalogue, [unit_id])
    children = [each.unit_id for each in catalogue.children(unit_id)]
    ranks = []
    if children:
        codes = [row.code for row in found.rows]
        answer = await read_cells(page, selection(children, codes, found.period))
        ranks = ranked(children, [wire.figure(cell) for cell in answer.cells])
    return page.html(
        "unit.html", board=found, unit_id=unit_id, path=catalogue.path(unit_id), ranks=ranks
    )
