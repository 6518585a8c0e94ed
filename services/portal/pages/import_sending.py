"""Sends the rows of a file that was tried before; the page shows the progress meanwhile."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from starlette.responses import Response, StreamingResponse

from kieng.submissions.v1 import import_service_pb2 as api
from services.importing.batches import batches
from services.portal.calls import Refused
from services.portal.pages.effects import IMPORTS
from services.portal.pages.import_reports import SHOWN_MAX, Report, with_long
from services.portal.site import Page
from services.portal.uploads import Found, Upload

Rows = Sequence[api.ImportSubmissionsRequest]
log = structlog.get_logger()

EVERY_SECONDS = 0.25
"""Interval at which the page shows the progress."""
PLACE = "<!-- grows here -->"
"""Mark in the template at which the progress and the result are inserted."""


async def imported(
    page: Page, upload: Upload, found: Found, versions: Mapping[int, int]
) -> Response:
    """Import rows, and answer with a page that shows the progress and finally the result.

    Acknowledged rows stay imported whatever happens to the page; to send them again changes
    nothing.

    Args:
        page: the page.
        upload: the file.
        found: what was read from it.
        versions: row -> version of its submission when the rows were tried. The other rows were
            refused then; they are only tried again, to report why.
    """
    others = [each for each in found.requests if each.row not in versions]
    rows = [each for each in found.requests if each.row in versions]
    for each in rows:
        each.version_before = versions[each.row]
    body = _body(page, upload, Report(found, page.lang), rows, others)
    return StreamingResponse(body, media_type="text/html")


async def _body(
    page: Page, upload: Upload, report: Report, rows: Rows, others: Rows
) -> AsyncIterator[str]:
    frame = page.written("import_done.html", upload=upload, place=PLACE)
    head, _, tail = frame.partition(PLACE)
    yield head
    refused = ""
    try:
        async for done in _sent(page, report, rows):
            yield page.written("import_step.html", done=done, rows=len(rows))
        await _refused_before(page, report, others)
    except Refused as error:
        log.info("refused", path="/import", code=error.code)
        refused = page.said(error.message)
    held = await page.site.desk.work(report.files, upload)
    result = page.written(
        "import_result.html",
        upload=upload,
        report=report,
        refused=refused,
        shown_max=SHOWN_MAX,
        left=len(rows) - len(report.lines),
        long=held,
    )
    yield with_long(result, held)
    yield tail


async def _sent(page: Page, report: Report, rows: Rows) -> AsyncIterator[int]:
    """Send the rows; yield from time to time how many have been answered."""
    if not rows:
        return

    async def requests() -> AsyncIterator[api.ImportBatchesRequest]:
        for each in batches(rows):
            yield api.ImportBatchesRequest(rows=each)

    shown_at, exchange = 0.0, page.site.services.exchange
    done = 0
    async for batch in exchange(IMPORTS["ImportBatches"], requests(), page.session.token):
        for answer in batch.answers:
            report.take(answer)
        done += len(batch.answers)
        if (now := time.monotonic()) > shown_at + EVERY_SECONDS:
            shown_at = now
            yield done
    yield done


async def _refused_before(page: Page, report: Report, rows: Rows) -> None:
    """Try the rows that are not sent once more, so that the report says what is wrong with them."""
    if not rows:
        return

    async def requests() -> AsyncIterator[api.TryBatchesRequest]:
        for each in batches(rows):
            yield api.TryBatchesRequest(rows=each)

    exchange = page.site.services.exchange
    async for batch in exchange(IMPORTS["TryBatches"], requests(), page.session.token):
        for answer in batch.answers:
            if answer.answer.HasField("error"):
                report.take(answer.answer)
            else:
                report.refuse(answer.answer.row, "", page.text("import.right_now"), "")
