"""Pages that stand for themselves: the report of a unit for printing, and the agreement."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.pages.board import board
from services.portal.site import Page

AGREEMENT = "TRI"
"""How the codes of the indicators of the agreement between the three universities begin."""


async def report(page: Page) -> Response:
    """Answer `/report`: one unit and period on A4, with what its numbers stand on.

    Raises:
        Refused: the caller may not read.
        NotFound: there is no such unit.
        InvalidArgument: the link names no period.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    unit_id = page.query.get("unit", catalogue.root)
    found = await board(page, catalogue, [unit_id])
    return page.html("report.html", board=found, unit_id=unit_id, path=catalogue.path(unit_id))


async def agreement(page: Page) -> Response:
    """Answer `/agreement`: what the three universities agreed on, and what has happened.

    Raises:
        Refused: the caller may not read.
        InvalidArgument: the link names no period.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    institutions = [each.unit_id for each in catalogue.children(catalogue.root)]
    found = await board(page, catalogue, [catalogue.root, *institutions], AGREEMENT)
    return page.html("agreement.html", board=found)
