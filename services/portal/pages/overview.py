"""The overview: the board of the consortium and its institutions; for guests, a welcome page."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.domain import trust
from services.portal.pages.board import board
from services.portal.pages.reading import catalogue_of
from services.portal.site import Page


async def overview(page: Page) -> Response:
    """Answer `/`: the overview, or for guests a page that explains the portal and its state.

    Raises:
        Refused: the caller may not read the numbers.
    """
    if not page.session.is_signed_in:
        health = await page.site.services.health()
        dead = [name for name, is_well in health.items() if not is_well]
        troubles = trust.troubles("", 0, len(dead))
        return page.html("welcome.html", level=trust.level(troubles), dead=dead)
    catalogue = await catalogue_of(page)
    institutions = [each.unit_id for each in catalogue.children(catalogue.root)]
    found = await board(page, catalogue, [catalogue.root, *institutions])
    return page.html("overview.html", board=found)
