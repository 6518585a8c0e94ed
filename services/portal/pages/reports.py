"""Pages that stand for themselves: the report of a unit for printing, and the agreement."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.pages.board import Board, board
from services.portal.pages.printing import Report, source, wanted_document
from services.portal.site import Page

AGREEMENT = "TRI"
"""How the codes of the indicators of the agreement between the three universities begin."""


async def report(page: Page) -> Response:
    """Answer `/report`: one unit and period on A4, with what its numbers stand on; also as PDF.

    Raises:
        Refused: the caller may not read.
        NotFound: there is no such unit.
        InvalidArgument: the link names no period.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    own = page.session.unit_id
    unit_id = page.query.get("unit") or (own if own in catalogue.units else catalogue.root)
    found = await board(page, catalogue, [unit_id])
    made = report_of(page, found)
    if document := await wanted_document(page, made):
        return document
    return page.html("report.html", report=made, board=found, unit_id=unit_id)


def report_of(page: Page, found: Board) -> Report:
    """Return the report of a board with one unit."""
    unit_id, period = found.unit_ids[0], found.period
    newest = page.text("view.reading")
    if found.newest:
        newest = page.moment(found.newest)
    where = {"unit": unit_id, "house": found.house, "from_": period.first, "to": period.last}
    return Report(
        found.catalogue.unit_name(unit_id, page.lang),
        found.house,
        period.first,
        period.last,
        found.rows,
        [
            (page.text("health.view"), found.view.view_id),
            (page.text("health.newest"), newest),
            *((page.text("report.judged"), on) for on in found.judged_on),
            (page.text("health.digest"), found.view.digest),
            source(page, "/report", **where, as_of=page.as_of),
        ],
        found.newest,
        f"kieng-{unit_id.replace('/', '-')}-{period.first}-{period.last}",
    )


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
