"""The history of a submission as a thread: who did what when, and the reasons that were given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.site import Page

CALLS_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a submission.

    Args:
        at: when, UTC.
        action: name of what was done, in lower case, e.g. `return`.
        subject: who did it; empty if the caller is of another institution.
        reason: the reason that was given; empty for none.
    """

    at: datetime
    action: str
    subject: str
    reason: str


async def read_thread(page: Page, submission_id: str) -> Sequence[Entry]:
    """Return the history of a submission, oldest first.

    Args:
        page: the page.
        submission_id: the submission.

    Raises:
        Refused: there is no such submission, or the caller may not read it.
    """
    request = submission_service_pb2.GetSubmissionRequest(
        submission_id=submission_id, with_history=True
    )
    answer = await page.call(SUBMISSIONS["GetSubmission"], request)
    return thread_of(answer.submission)


async def read_threads(page: Page, ids: Iterable[str]) -> Mapping[str, Sequence[Entry]]:
    """Return submission id -> its history, oldest first; few of them are read at once.

    Args:
        page: the page.
        ids: ids of the submissions; one that is repeated is read once.

    Raises:
        Refused: there is no such submission, or the caller may not read it.
    """
    return await _each(ids, partial(read_thread, page))


async def readable_threads(page: Page, ids: Iterable[str]) -> Mapping[str, Sequence[Entry]]:
    """Return submission id -> its history, oldest first, of submissions the user may not all read.

    The history of one that the user may not read, e.g. because it is of another unit, is empty.

    Args:
        page: the page.
        ids: ids of the submissions; one that is repeated is read once.

    Raises:
        Refused: the histories cannot be read now.
    """

    async def read(submission_id: str) -> Sequence[Entry]:
        try:
            return await read_thread(page, submission_id)
        except Refused as refused:
            if refused.code != "NOT_FOUND":
                raise
            return ()

    return await _each(ids, read)


async def _each(
    ids: Iterable[str], read: Callable[[str], Awaitable[Sequence[Entry]]]
) -> Mapping[str, Sequence[Entry]]:
    room, own = asyncio.Semaphore(CALLS_AT_ONCE), list(dict.fromkeys(ids))

    async def one(submission_id: str) -> Sequence[Entry]:
        async with room:
            return await read(submission_id)

    return dict(zip(own, await asyncio.gather(*map(one, own)), strict=True))


def thread_of(submission: submission_pb2.Submission) -> Sequence[Entry]:
    """Return the history in a submission, oldest first; empty if it was not asked for."""
    return [
        Entry(
            each.at.ToDatetime(tzinfo=UTC),
            submission_pb2.Action.Name(each.action).removeprefix("ACTION_").lower(),
            each.subject,
            each.reason,
        )
        for each in submission.history
    ]
