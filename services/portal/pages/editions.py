"""Editions: closed periods, how to verify them, and what has been restated since."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from starlette.responses import Response

from kieng.kpi.v1 import edition_service_pb2, view_pb2
from services.portal import wire
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Number
from services.portal.pages.additions import added
from services.portal.pages.tables import Value, plain, stamped, wanted_file
from services.portal.site import Page

EDITIONS = edition_service_pb2.DESCRIPTOR.services_by_name["EditionService"].methods_by_name
KEY_FILE = "kieng-editions.pem"
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

    With `file=json`, the answer is the signed content, byte for byte; with `file=signed`, the file
    that `kieng edition verify` checks; with `file=key`, the public key that this needs, in PEM.

    Raises:
        Refused: the caller may not read it, or there is no such edition.
    """
    edition_id = page.request.path_params["edition_id"]
    request = edition_service_pb2.GetEditionRequest(edition_id=edition_id)
    answer = await page.call(EDITIONS["GetEdition"], request)
    if downloaded := _download(page.query.get("file", ""), edition_id, answer):
        return downloaded
    changed = await _changed(page, edition_id) if page.query.get("since") else None
    catalogue = await page.site.catalogues.live(page.session.token)
    if changed:
        lines = stamped(page, _lines(page, catalogue, changed), changed["view"])
        if found := await wanted_file(page, f"kieng-{edition_id}", lines):
            return found
    return page.html(
        "edition.html",
        edition=answer.edition,
        signature=answer.signature.hex(),
        key_file=KEY_FILE,
        public_key=answer.public_key,
        changed=changed,
        lines_max=LINES_MAX,
        catalogue=catalogue,
        values_of=partial(values_of, page, catalogue),
        cause_of=cause_of,
    )


def _download(
    wanted: str, edition_id: str, answer: edition_service_pb2.GetEditionResponse
) -> Response | None:
    """Return what is needed to check an edition as a file; None if no such file is wanted."""
    name, kind, body = f"{edition_id}.json", "application/json", bytes(answer.content)
    if wanted == "json":
        name = f"{edition_id}-content.json"
    elif wanted == "signed":
        document = {
            "content": json.loads(answer.content),
            "signature": base64.b64encode(answer.signature).decode(),
            "key_id": answer.edition.key_id,
            "public_key": answer.public_key,
        }
        body = json.dumps(document, ensure_ascii=False).encode()
    elif wanted == "key":
        name, kind, body = KEY_FILE, "application/x-pem-file", answer.public_key.encode()
    else:
        return None
    # The service found an edition of this id, so its characters are safe in a header.
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=kind, headers=disposition)


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


def _lines(page: Page, catalogue: Catalogue, changed: dict[str, Any]) -> Iterator[list[Value]]:
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
        numbers = map(plain, values_of(page, catalogue, cell))
        yield [cell.unit_id, cell.indicator_code, *numbers]


def values_of(
    page: Page, catalogue: Catalogue, cell: edition_service_pb2.RestatedCell
) -> Sequence[str | Number | None]:
    """Return a number when it was closed, what works and definitions changed of it, and now.

    See `added` for the two changes.

    Args:
        page: the page, for its language.
        catalogue: the catalogue of the live view.
        cell: the number.
    """
    changes = (
        added(page, catalogue, cell.indicator_code, each, is_change=True)
        for each in (cell.by_works, cell.by_definitions)
    )
    return wire.number(cell.closed), *changes, wire.number(cell.now)


def cause_of(claim: edition_service_pb2.RestatedClaim) -> str:
    """Return the key of the text for why a claim counts otherwise, e.g. `newly_verified`."""
    name = edition_service_pb2.RestatedClaim.Cause.Name(claim.cause)
    return name.removeprefix("CAUSE_").lower()
