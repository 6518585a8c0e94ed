"""The health page: whether the numbers can be trusted now, in plain words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from starlette.responses import Response

from kieng.kpi.v1 import view_pb2
from services.portal import wire
from services.portal.calls import Refused
from services.portal.domain import trust
from services.portal.domain.periods import year_to_date
from services.portal.pages.reading import read_cells, selection
from services.portal.pages.tables import Value, stamped, wanted_file
from services.portal.site import Page


async def health(page: Page) -> Response:
    """Answer `/health`: which services answer, and whether the numbers can be trusted now.

    Only signed-in users see the state of the numbers; for guests, the services alone decide. With
    `file`, the answer is the table of services as a file.
    """
    services, view = await asyncio.gather(page.site.services.health(), _view(page))
    dead = [name for name, is_well in services.items() if not is_well]
    known = view or view_pb2.ViewInfo()
    troubles = trust.troubles(known.log_trouble, known.parked, len(dead))
    lines = stamped(page, _lines(page, services), known)
    if file := await wanted_file(page, "kieng-health", lines):
        return file
    return page.html(
        "health.html",
        services=services,
        view=view,
        troubles=troubles,
        level=trust.level(troubles),
        newest=wire.newest(known),
    )


def _lines(page: Page, services: Mapping[str, bool]) -> Iterator[list[Value]]:
    yield [page.text("health.service"), page.text("health.state")]
    for name, is_well in services.items():
        state = page.text("health.answers" if is_well else "health.silent")
        yield [page.text(f"health.{name}"), state]


async def _view(page: Page) -> view_pb2.ViewInfo | None:
    """Return the state of the live view; None for guests, or if the service refuses."""
    if not page.session.is_signed_in:
        return None
    try:
        answer = await read_cells(page, selection([], ["KNW-01"], year_to_date(page.today)))
    except Refused:
        return None
    return answer.view
