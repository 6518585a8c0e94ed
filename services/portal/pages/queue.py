"""The review queue: submissions that wait for the user's decision, the oldest first."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from babel.dates import format_date
from starlette.responses import Response

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.forms import TYPES
from services.portal.pages.board import check_unit
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.pages.tables import Value, wanted_file
from services.portal.pages.threads import read_threads
from services.portal.pages.works import shown
from services.portal.site import Page

QUEUE_MAX = 50
"""Most submissions on one page."""
LOOKED_PAGE, LOOKED_MAX = 500, 2000
"""Submissions of one call, and most that are read to find the oldest."""
DUE_DAYS = 14
"""Days after which a decision is overdue, as for the alert KiengReviewQueueOld."""
SOON_DAYS = 7
WAITING: Mapping[str, Mapping[str, submission_pb2.State.ValueType]] = {
    "reviewer": {"submitted": submission_pb2.STATE_SUBMITTED},
    "approver": {
        "submitted": submission_pb2.STATE_SUBMITTED,
        "unit_approved": submission_pb2.STATE_UNIT_APPROVED,
    },
}
"""Role -> names of the states that wait for it."""
OFFERED = {"reviewer": ("approve", "return"), "approver": ("verify", "return", "reject")}
DUE = ("overdue", "soon")


@dataclass(frozen=True, slots=True)
class Filters:
    """Selects waiting submissions; what is empty or None does not filter.

    Args:
        unit: id of a unit; those below it are selected, too.
        type_: submission type.
        state: name of a state.
        due: `overdue`, or `soon` for those due within `SOON_DAYS` days, overdue ones included.
        since: time of the last change at which the selection begins.
    """

    unit: str
    type_: str
    state: str
    due: str
    since: datetime | None

    @classmethod
    def of(cls, page: Page, role: str) -> Filters:
        """Return the filters that the URL of a page names; unknown words do not filter.

        Args:
            page: the page.
            role: `reviewer` or `approver`.

        Raises:
            InvalidArgument: `since` is neither a day nor a time. The caller's fault.
        """
        query = page.query
        state, due = query.get("state", ""), query.get("due", "")
        return cls(
            query.get("unit", ""),
            query.get("type", ""),
            state if state in WAITING[role] else "",
            due if due in DUE else "",
            _time(page, query.get("since", "")),
        )

    def request(self, role: str) -> submission_service_pb2.ListSubmissionsRequest:
        """Return the request for the submissions, whose due date is not filtered yet."""
        states = WAITING[role]
        found = submission_service_pb2.ListSubmissionsRequest(
            states=[states[self.state]] if self.state else list(states.values()),
            type=self.type_,
            unit_id=self.unit,
            page_size=LOOKED_PAGE,
        )
        if self.since:
            found.changed_since.FromDatetime(self.since)
        return found

    def has(self, submission: submission_pb2.Submission, now: datetime) -> bool:
        """Return whether a submission is due as the filters want it at the time ``now``."""
        left = due_at(submission) - now
        least = {"overdue": timedelta(), "soon": timedelta(days=SOON_DAYS)}.get(self.due)
        return least is None or left < least


NO_FILTERS = Filters("", "", "", "", None)


def _time(page: Page, given: str) -> datetime | None:
    """Return a day or time in the zone of the portal, or None for an empty text."""
    if not given:
        return None
    try:
        found = datetime.fromisoformat(given)
        if found.tzinfo is None:
            found = found.replace(tzinfo=page.site.zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        text = "write a day like 2025-03-31"
        raise InvalidArgument(f"since: {text}", fields={"since": text}) from error


def changed_at(submission: submission_pb2.Submission) -> datetime:
    """Return the time since when a submission waits, i.e. of its last change, in UTC."""
    return submission.updated_at.ToDatetime(tzinfo=UTC)


def due_at(submission: submission_pb2.Submission) -> datetime:
    """Return the time until which a decision on a submission is due, in UTC."""
    return changed_at(submission) + timedelta(days=DUE_DAYS)


async def queue(page: Page) -> Response:
    """Answer `/review`: one page of the queue, filtered as the URL says, the oldest first.

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
        types=TYPES,
        states=WAITING[role],
        dues=DUE,
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
        done=page.query.getlist("done")[:QUEUE_MAX],
    )


def _number(given: str, count: int) -> int:
    """Return the number of a page, from 0; the last one if the queue has become shorter."""
    wanted = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
    return min(wanted, max(0, count - 1) // QUEUE_MAX)


async def read_waiting(
    page: Page, filters: Filters, role: str, now: datetime
) -> tuple[Sequence[submission_pb2.Submission], bool]:
    """Return the selected submissions, the oldest first, and whether more wait than were read.

    At most `LOOKED_MAX` are read, in the order in which they were created.

    Args:
        page: the page.
        filters: which submissions to select.
        role: `reviewer` or `approver`, for which they wait.
        now: the present time.

    Raises:
        Refused: the caller may not read submissions.
    """
    request, found = filters.request(role), list[submission_pb2.Submission]()
    for _ in range(LOOKED_MAX // LOOKED_PAGE):
        answer = await page.call(SUBMISSIONS["ListSubmissions"], request)
        found += answer.submissions
        request.page_token = answer.next_page_token
        if not request.page_token:
            break
    selected = [each for each in found if filters.has(each, now)]
    selected.sort(key=lambda each: (changed_at(each), each.submission_id))
    return selected, bool(request.page_token)


def waiting(page: Page, submission: submission_pb2.Submission, now: datetime) -> dict[str, Any]:
    """Return the template variables about the wait of a submission: `days`, `due`, `is_overdue`.

    `days` counts whole days since its last change, `due` is the last day for a decision as text,
    and `is_overdue` is whether that time has passed.

    Args:
        page: the page, for language and time zone.
        submission: the submission.
        now: the present time.
    """
    due = due_at(submission)
    day = format_date(due.astimezone(page.site.zone).date(), locale=page.lang.value)
    return {
        "days": max(0, (now - changed_at(submission)).days),
        "due": day,
        "is_overdue": now > due,
    }


def _lines(
    page: Page, found: Sequence[submission_pb2.Submission], now: datetime
) -> Iterator[list[Value]]:
    names = ("id", "state", "type", "unit_id", "work_key")
    heading = [page.text(f"submission.{name}") for name in names]
    yield [*heading, *(page.text(key) for key in ("column.title", "review.days", "review.due"))]
    for each in found:
        row = shown(each) | waiting(page, each, now)
        day = due_at(each).astimezone(page.site.zone).date().isoformat()
        yield [*(str(row[name]) for name in names), row["title"], row["days"], day]
