"""Which submissions wait for a decision: the filters of the review queue, and what they select."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.domain import deadlines
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.site import Page

LOOKED_PAGE, LOOKED_MAX = 500, 2000
"""Submissions of one call, and most that are read to find the oldest."""
WAITING: Mapping[str, Mapping[str, submission_pb2.State.ValueType]] = {
    "reviewer": {"submitted": submission_pb2.STATE_SUBMITTED},
    "approver": {
        "submitted": submission_pb2.STATE_SUBMITTED,
        "unit_approved": submission_pb2.STATE_UNIT_APPROVED,
    },
}
"""Role -> names of the states that wait for it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Selects waiting submissions; what is empty or None does not filter.

    Args:
        unit: id of a unit; those below it are selected, too.
        type_: submission type.
        state: name of a state.
        due: `overdue`, or `soon` for those due soon, overdue ones included.
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
            due if due in deadlines.URGENCIES else "",
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
        return not self.due or deadlines.is_due(self.due, changed_at(submission), now)


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
