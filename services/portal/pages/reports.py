"""The report of a unit, also for printing, and the board of the agreement."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.pages.board import Board, board
from services.portal.pages.printing import Report, source, wanted_document
from services.portal.site import Page

AGREEMENT = "TRI"
"""What the codes of the indicators of the agreement of the three universities begin with."""


async def report(page: Page) -> Response:
    """Answer `/report`: one unit and period on A4; `file` makes it PDF, CSV or XLSX.

    Without `unit`, it is the unit of the user's roles.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
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
    """Return the report of the first unit of a board, with the view and the URL as its sources."""
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
    """Answer `/agreement`: the board of the indicators on which the three universities agreed.

    Raises:
        Refused: the caller may not read the numbers.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    institutions = [each.unit_id for each in catalogue.children(catalogue.root)]
    found = await board(page, catalogue, [catalogue.root, *institutions], AGREEMENT)
    return page.html("agreement.html", board=found)
