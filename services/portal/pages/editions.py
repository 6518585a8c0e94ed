"""Editions: closed periods, how to verify them, and what has been restated since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from kieng.kpi.v1 import edition_service_pb2, view_pb2
from services.portal import wire
from services.portal.pages.tables import Value, plain, stamped, wanted_file
from services.portal.site import Page

EDITIONS = edition_service_pb2.DESCRIPTOR.services_by_name["EditionService"].methods_by_name
LINES_MAX = 500


async def editions(page: Page) -> Response:
    """Answer `/editions`: the list of editions; with `file`, as a table.

    Raises:
        Refused: the caller may not read editions.
    """
    request = edition_service_pb2.ListEditionsRequest()
    answer = await page.call(EDITIONS["ListEditions"], request)
    names = ("edition_id", "title", "unit_id", "from_month", "to_month", "view_id", "digest")
    heading = [page.text(f"edition.{name}") for name in names]
    lines = ([str(getattr(each, name)) for name in names] for each in answer.editions)
    if found := await wanted_file(page, "kieng-editions", [heading, *lines]):
        return found
    catalogue = await page.site.catalogues.live(page.session.token)
    return page.html("editions.html", editions=answer.editions, catalogue=catalogue)


async def edition(page: Page) -> Response:
    """Answer `/editions/ID`: one edition; with `since=1`, also what has been restated since.

    With `file=json`, the answer is the signed content, byte for byte.

    Raises:
        Refused: the caller may not read it, or there is no such edition.
    """
    edition_id = page.request.path_params["edition_id"]
    request = edition_service_pb2.GetEditionRequest(edition_id=edition_id)
    answer = await page.call(EDITIONS["GetEdition"], request)
    if page.query.get("file") == "json":
        disposition = {"content-disposition": 'attachment; filename="edition.json"'}
        return Response(answer.content, media_type="application/json", headers=disposition)
    changed = await _changed(page, edition_id) if page.query.get("since") else None
    if changed:
        lines = stamped(page, _lines(page, changed), changed["view"])
        if found := await wanted_file(page, f"kieng-{edition_id}", lines):
            return found
    catalogue = await page.site.catalogues.live(page.session.token)
    return page.html(
        "edition.html",
        edition=answer.edition,
        signature=answer.signature.hex(),
        public_key=answer.public_key,
        changed=changed,
        lines_max=LINES_MAX,
        catalogue=catalogue,
        number=wire.number,
        cause_of=cause_of,
    )


async def _changed(page: Page, edition_id: str) -> dict[str, Any]:
    """Return all restated works and cells; pages show `LINES_MAX` of each, files all of them."""
    request = edition_service_pb2.ListRestatementsRequest(edition_id=edition_id)
    works: list[Any] = []
    cells: list[Any] = []
    adds_up, view = False, view_pb2.ViewInfo()
    method = EDITIONS["ListRestatements"]
    async for message in page.site.services.stream(method, request, page.session.token):
        works += message.restatements
        cells += message.cells
        adds_up, view = message.adds_up, message.view
    return {
        "works": works,
        "cells": cells,
        "view": view,
        "is_cut": len(works) > LINES_MAX or len(cells) > LINES_MAX,
        "adds_up": adds_up,
    }


def _lines(page: Page, changed: dict[str, Any]) -> Iterator[list[Value]]:
    """Yield headings and rows of a file: restated works with `table=works`, else numbers."""
    if page.query.get("table") == "works":
        names = ["cell.work", "column.unit", "edition.cause", "submission.id"]
        yield [page.text(name) for name in names]
        for work in changed["works"]:
            for claim in work.claims:
                cause = page.text(f"cause.{cause_of(claim)}")
                yield [work.work_key, claim.unit_id, cause, claim.submission_id]
        return
    values = ("closed", "by_works", "by_definitions", "now")
    names = ["column.unit", "column.indicator", *(f"edition.{each}" for each in values)]
    yield [page.text(name) for name in names]
    for cell in changed["cells"]:
        numbers = [plain(wire.number(getattr(cell, each))) for each in values]
        yield [cell.unit_id, cell.indicator_code, *numbers]


def cause_of(claim: edition_service_pb2.RestatedClaim) -> str:
    """Return the key of the text for why a claim counts otherwise, e.g. `newly_verified`."""
    name = edition_service_pb2.RestatedClaim.Cause.Name(claim.cause)
    return name.removeprefix("CAUSE_").lower()
