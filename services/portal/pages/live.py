"""Live updates: the changed cells of a board as server-sent events, fed by `WatchKpis`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from kieng.kpi.v1 import kpi_service_pb2
from services.kernel.errors import Exhausted
from services.portal import metrics, wire
from services.portal.calls import Refused
from services.portal.catalogues import Catalogue
from services.portal.domain import freshness
from services.portal.domain.periods import Period
from services.portal.pages.board import KPI, house_of, period_of, selection
from services.portal.site import Page

RETRY_MS = 5000


async def live(page: Page) -> Response:
    """Answer `/live` with a stream of the cells that change, rendered as the page has them.

    Raises:
        Exhausted: as many pages are updated live as may be. Retry later.
        Refused: the caller may not read.
        InvalidArgument: the link names no period.
    """
    site = page.site
    if site.live_pages >= site.settings.live_pages:
        raise Exhausted(page.text("refused.no_live"))
    catalogue = await site.catalogues.live(page.session.token)
    period = await period_of(page, catalogue)
    codes = [each.code for each in catalogue.of_house(house_of(page))][:100]
    wanted = selection(page.query.getlist("unit")[:100], codes, period)
    request = kpi_service_pb2.WatchKpisRequest(selection=wanted)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    events = _counted(page, _events(page, catalogue, period, request))
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _counted(page: Page, events: AsyncIterator[str]) -> AsyncIterator[str]:
    page.site.live_pages += 1
    metrics.LIVE.set(page.site.live_pages)
    try:
        async for event in events:
            yield event
    finally:
        page.site.live_pages -= 1
        metrics.LIVE.set(page.site.live_pages)


async def _events(
    page: Page, catalogue: Catalogue, period: Period, request: kpi_service_pb2.WatchKpisRequest
) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    try:
        watched = page.site.services.stream(KPI["WatchKpis"], request, page.session.token)
        async for message in watched:
            yield _event("cells", _changed(page, catalogue, period, message))
    except Refused as refused:
        yield _event("refused", {"code": refused.code})


def _changed(
    page: Page,
    catalogue: Catalogue,
    period: Period,
    message: kpi_service_pb2.WatchKpisResponse,
) -> dict[str, object]:
    view = message.view
    found = wire.figures(message.cells)
    return {
        "view": view.view_id,
        "digest": view.digest[:12],
        "level": freshness.level(freshness.troubles(view.log_trouble, view.parked, 0)),
        "cells": {
            f"{unit_id}|{code}": page.site.pieces.written(
                page.lang,
                "figure.html",
                figure=figure,
                unit=catalogue.unit_of(code),
                name=catalogue.indicator_name(code, page.lang),
                unit_name=catalogue.unit_name(unit_id, page.lang),
                period=period,
            )
            for (unit_id, code), figure in found.items()
        },
    }


def _event(name: str, content: object) -> str:
    return f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n"
