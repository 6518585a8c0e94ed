"""The review queue: submissions that wait for the user's decision, the longest wait first."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from babel.dates import format_date
from starlette.responses import Response

from kieng.submissions.v1 import submission_pb2
from services.portal.calls import Refused
from services.portal.domain import deadlines
from services.portal.forms import TYPES
from services.portal.pages.board import check_unit
from services.portal.pages.reading import unit_names
from services.portal.pages.tables import Value, wanted_file
from services.portal.pages.threads import read_threads
from services.portal.pages.waiting import (
    NO_FILTERS,
    WAITING,
    Filters,
    changed_at,
    read_waiting,
)
from services.portal.pages.works import read_again, shown
from services.portal.site import Page

QUEUE_MAX = 50
"""Most submissions on one page."""
DAY = "d MMM yyyy"
"""How days are written, as in `numbers.moment`."""
DONE_MAX = 5
"""Most decided submissions that a page names."""
OFFERED = {"reviewer": ("approve", "return"), "approver": ("verify", "return", "reject")}


async def queue(page: Page) -> Response:
    """Answer `/review`: one page of the queue, filtered as the URL says, the longest wait first.

    The queue is empty for users who may not decide. With `file`, the answer is a table of all
    selected submissions.

    Raises:
        Refused: the caller may not read submissions.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: `since` is neither a day nor a time. The caller's fault.
    """
    role = "approver" if page.session.may("approver") else "reviewer"
    may = page.session.may("approver", "reviewer")
    filters, now = Filters.of(page, role), datetime.now(UTC)
    if filters.unit:
        check_unit(page, await page.site.catalogues.live(page.session.token), filters.unit)
    found, is_cut = await read_waiting(page, filters, role, now) if may else ([], False)
    if file := await wanted_file(page, "kieng-review", _lines(page, found, now)):
        return file
    number = _number(page.query.get("page", ""), len(found))
    listed = found[number * QUEUE_MAX : (number + 1) * QUEUE_MAX]
    return page.html(
        "review.html",
        may=may,
        filters=filters,
        is_filtered=filters != NO_FILTERS,
        unit_name=await unit_names(page),
        types=TYPES,
        states=WAITING[role],
        dues=deadlines.URGENCIES,
        submissions=[shown(each) | waiting(page, each, now) for each in listed],
        # Only what somebody gave a reason about has a history worth reading.
        threads=await read_threads(page, (each.submission_id for each in listed if each.reason)),
        offered=OFFERED[role],
        count=len(found),
        first=number * QUEUE_MAX + 1,
        is_cut=is_cut,
        page_number=number,
        has_more=len(found) > (number + 1) * QUEUE_MAX,
        # One request id for each form, so that a form that is sent twice decides once.
        request_ids=[str(uuid.uuid4()) for _ in listed],
        done=await _decided(page),
    )


async def _decided(page: Page) -> list[dict[str, Any]]:
    """Return the submissions that the URL names as just decided; none if they cannot be read."""
    try:
        return await read_again(page, page.query.getlist("done")[:DONE_MAX])
    except Refused:
        return []


def _number(given: str, count: int) -> int:
    """Return the number of a page, from 0; the last one if the queue has become shorter."""
    wanted = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
    return min(wanted, max(0, count - 1) // QUEUE_MAX)


def waiting(page: Page, submission: submission_pb2.Submission, now: datetime) -> dict[str, Any]:
    """Return the template variables about the wait of a submission: `days`, `due`, `is_overdue`.

    `days` counts whole days since its last change, `due` is the last day for a decision as text,
    and `is_overdue` is whether that time has passed.

    Args:
        page: the page, for language and time zone.
        submission: the submission.
        now: the present time.
    """
    changed = changed_at(submission)
    day = deadlines.due(changed).astimezone(page.site.zone).date()
    return {
        "days": max(0, (now - changed).days),
        "due": format_date(day, DAY, locale=page.lang.value),
        "is_overdue": deadlines.is_due("overdue", changed, now),
    }


def _lines(
    page: Page, found: Sequence[submission_pb2.Submission], now: datetime
) -> Iterator[list[Value]]:
    names = ("id", "state", "type", "unit_id", "work_key")
    heading = [page.text(f"submission.{name}") for name in names]
    yield [*heading, *(page.text(key) for key in ("column.title", "review.days", "review.due"))]
    for each in found:
        row = shown(each) | waiting(page, each, now)
        day = deadlines.due(changed_at(each)).astimezone(page.site.zone).date().isoformat()
        yield [*(str(row[name]) for name in names), row["title"], row["days"], day]
