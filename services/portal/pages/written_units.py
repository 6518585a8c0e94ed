"""The names of units, by which forms and files may name a unit instead of its id."""

from __future__ import annotations

from services.importing.unit_names import NO_UNITS, UnitNames
from services.portal.calls import Refused
from services.portal.site import Page


async def written_units(page: Page) -> UnitNames:
    """Return the names of all units; those of the user's institution come first.

    While the catalogue cannot be read, no name is known: units are then named by their ids.
    """
    try:
        catalogue = await page.site.catalogues.live(page.session.token)
    except Refused:
        return NO_UNITS
    return UnitNames(lambda: catalogue.message.units, page.session.institution_id)
