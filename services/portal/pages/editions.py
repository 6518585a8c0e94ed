"""Editions: closed periods, how to check them, and what has changed since, line by line."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kieng.kpi.v1 import edition_service_pb2
from services.portal import wire
from services.portal.pages.tables import wanted_file
from services.portal.site import Page

EDITIONS = edition_service_pb2.DESCRIPTOR.services_by_name["EditionService"].methods_by_name
LINES_MAX = 500


async def editions(page: Page) -> Response:
    """Answer `/editions`.

    Raises:
        Refused: the caller may not read.
    """
    request = edition_service_pb2.ListEditionsRequest()
    answer = await page.call(EDITIONS["ListEditions"], request)
    names = ("edition_id", "title", "unit_id", "from_month", "to_month", "view_id", "digest")
    heading = [page.text(f"edition.{name}") for name in names]
    lines = ([str(getattr(each, name)) for name in names] for each in answer.editions)
    if found := wanted_file(page, "kieng-editions", [heading, *lines]):
        return found
    catalogue = await page.site.catalogues.live(page.session.token)
    return page.html("editions.html", editions=answer.editions, catalogue=catalogue)


async def edition(page: Page) -> Response:
    """Answer `/editions/ID`; with `file=json` the signed bytes, with `since=1` what changed since.

    Raises:
        Refused: the caller may not read, or there is no such edition.
    """
    edition_id = page.request.path_params["edition_id"]
    request = edition_service_pb2.GetEditionRequest(edition_id=edition_id)
    answer = await page.call(EDITIONS["GetEdition"], request)
    if page.query.get("file") == "json":
        disposition = {"content-disposition": 'attachment; filename="edition.json"'}
        return Response(answer.content, media_type="application/json", headers=disposition)
    changed = await _changed(page, edition_id) if page.query.get("since") else None
    catalogue = await page.site.catalogues.live(page.session.token)
    return page.html(
        "edition.html",
        edition=answer.edition,
        signature=answer.signature.hex(),
        public_key=answer.public_key,
        changed=changed,
        catalogue=catalogue,
        number=wire.number,
        cause_of=_cause,
    )


async def _changed(page: Page, edition_id: str) -> dict[str, Any]:
    """Read what changed: works and cells, each cut after `LINES_MAX`."""
    request = edition_service_pb2.ListRestatementsRequest(edition_id=edition_id)
    works: list[Any] = []
    cells: list[Any] = []
    adds_up = False
    method = EDITIONS["ListRestatements"]
    async for message in page.site.services.stream(method, request, page.session.token):
        works += message.restatements
        cells += message.cells
        adds_up = message.adds_up
    return {
        "works": works[:LINES_MAX],
        "cells": cells[:LINES_MAX],
        "is_cut": len(works) > LINES_MAX or len(cells) > LINES_MAX,
        "adds_up": adds_up,
    }


def _cause(claim: edition_service_pb2.RestatedClaim) -> str:
    name = edition_service_pb2.RestatedClaim.Cause.Name(claim.cause)
    return name.removeprefix("CAUSE_").lower()
