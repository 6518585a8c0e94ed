"""Live updates: the changed cells of a board as server-sent events, from `WatchKpis`.

All users who may read the numbers read the same ones, so pages that show the same share a stream.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response, StreamingResponse

from kieng.kpi.v1 import kpi_service_pb2
from services.kernel.errors import Exhausted
from services.portal import metrics, wire
from services.portal.broadcasts import AT_ONCE, Update
from services.portal.calls import Refused
from services.portal.catalogues import Catalogue
from services.portal.domain import trust
from services.portal.domain.figures import Figure
from services.portal.domain.periods import Period
from services.portal.pages.board import house_of, troubles_of
from services.portal.pages.period_choice import period_of
from services.portal.pages.reading import KPI, read_cells, selection
from services.portal.site import Page, Site
from services.texts import Lang

RETRY_MS = 5000


async def live(page: Page) -> Response:
    """Answer `/live` with a stream of the cells of a board as they change, rendered as HTML.

    Raises:
        Exhausted: the limit of live pages is reached. Retry later.
        Refused: the caller may not read the numbers.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    site = page.site
    catalogue = await site.catalogues.live(page.session.token)
    period = await period_of(page, catalogue)
    codes = [each.code for each in catalogue.of_house(house_of(page))][:100]
    units = page.query.getlist("unit")[:100]
    # The stream may run with another user's token, so this user's right is checked first.
    one = selection(units[:1], codes[:1], period)
    await site.admissions.admit(page.session.token, partial(read_cells, page, one))
    if site.live_pages >= site.settings.live_pages:
        raise Exhausted(page.text("refused.no_live"))
    shown = Shown(site, catalogue, page.lang, period)
    wanted = kpi_service_pb2.WatchKpisRequest(selection=selection(units, codes, period))
    name = (wanted.SerializeToString(), page.lang, catalogue.message.version)
    updates = site.broadcasts.listen(
        name, partial(shown.updates, wanted), page.session.token, page.session.expires_at
    )
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    events = _counted(page, _events(updates))
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _counted(page: Page, events: AsyncGenerator[str | bytes]) -> AsyncIterator[str | bytes]:
    page.site.live_pages += 1
    metrics.LIVE.set(page.site.live_pages)
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    finally:
        page.site.live_pages -= 1
        metrics.LIVE.set(page.site.live_pages)


async def _events(updates: AsyncGenerator[Update]) -> AsyncGenerator[str | bytes]:
    yield f"retry: {RETRY_MS}\n\n"
    try:
        async with aclosing(updates):
            async for update in updates:
                yield update.event
    except Refused as refused:
        yield f"event: refused\ndata: {json.dumps({'code': refused.code})}\n\n"


@dataclass(frozen=True)
class Shown:
    """The common part of all pages that share a stream: how its cells are rendered as HTML."""

    site: Site
    catalogue: Catalogue
    lang: Lang
    period: Period

    async def updates(
        self, wanted: kpi_service_pb2.WatchKpisRequest, token: str
    ) -> AsyncGenerator[Update]:
        """Yield an update with all cells, then one with the changed cells whenever some change.

        Args:
            wanted: the request for the cells.
            token: token of any user of the stream.

        Raises:
            Refused: the user may not read the cells, or the stream broke.
        """
        async with aclosing(self.site.services.stream(KPI["WatchKpis"], wanted, token)) as answers:
            async for message in answers:
                yield await self._update(message)

    async def _update(self, message: kpi_service_pb2.WatchKpisResponse) -> Update:
        view, cells = message.view, dict[str, str]()
        for at, ((unit_id, code), figure) in enumerate(wire.figures(message.cells).items()):
            cells[f"{unit_id}|{code}"] = self._written(figure)
            if at % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        facts: dict[str, str | bool] = {
            "view": view.view_id,
            "digest": view.digest[:12],
            "reading": wire.newest(view) is None,
            "level": trust.level(troubles_of(view)),
        }
        return Update(facts, cells)

    def _written(self, figure: Figure) -> str:
        code = figure.indicator_code
        return self.site.pieces.written(
            self.lang,
            "figure.html",
            figure=figure,
            unit=self.catalogue.unit_of(code),
            name=self.catalogue.indicator_name(code, self.lang),
            unit_name=self.catalogue.unit_name(figure.unit_id, self.lang),
            period=self.period,
        )
