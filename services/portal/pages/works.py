"""One work: whether it counts in a number, its claims, and the caller's own submissions of it."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from starlette.responses import Response

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.pages.cells import explain_absence, finding_word, named
from services.portal.site import Page

SUBMISSIONS = submission_service_pb2.DESCRIPTOR.services_by_name[
    "SubmissionService"
].methods_by_name
READERS = ("contributor", "reviewer", "approver", "auditor")
LISTED_MAX = 100


async def work(page: Page) -> Response:
    """Answer `/works`.

    Raises:
        Refused: the caller may not read, or something named does not exist.
        InvalidArgument: the link names no work, or no number.
    """
    name, work_key = named(page), page.query.get("work", "").strip()
    if not work_key:
        raise InvalidArgument(page.text("refused.no_work"))
    catalogue = await page.site.catalogues.live(page.session.token)
    answer = await explain_absence(page, name, work_key)
    own = await own_submissions(page, work_key) if page.session.may(*READERS) else []
    return page.html(
        "work.html",
        catalogue=catalogue,
        name=name,
        work_key=work_key,
        answer=answer,
        own=own,
        word_of=finding_word,
    )


async def own_submissions(page: Page, work_key: str) -> list[dict[str, Any]]:
    """Return the submissions of the caller's institution about a work.

    Raises:
        Refused: the caller may not read.
    """
    request = submission_service_pb2.ListSubmissionsRequest(work_key=work_key, page_size=LISTED_MAX)
    answer = await page.call(SUBMISSIONS["ListSubmissions"], request)
    return [shown(each) for each in answer.submissions]


def shown(submission: submission_pb2.Submission) -> dict[str, Any]:
    """Return what pages show of a submission: its facts by name, its proofs, and its state."""
    facts = submission.content.facts
    type_ = facts.WhichOneof("kind") or ""
    values = fact_values(getattr(facts, type_)) if type_ else {}
    return {
        "id": submission.submission_id,
        "version": submission.version,
        "state": submission_pb2.State.Name(submission.state).removeprefix("STATE_").lower(),
        "unit_id": submission.content.unit_id,
        "work_key": submission.work_key,
        "type": type_,
        "facts": values,
        "evidence": list(submission.content.evidence),
        "submitted_by": submission.submitted_by,
        "decided_by": submission.decided_by,
        "reason": submission.reason,
        "updated_at": submission.updated_at.ToDatetime(),
    }


def fact_values(facts: Message) -> dict[str, str]:
    """Return facts by name as texts; enums as files have them, `INDEX_SCOPUS` as `scopus`."""
    found = {}
    for field, value in facts.ListFields():
        items = value if field.is_repeated else [value]
        found[field.name] = ", ".join(_plain(field, item) for item in items)
    return found


def _plain(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        names = [each.name for each in field.enum_type.values]
        prefix = names[0].removesuffix("UNSPECIFIED")
        return str(field.enum_type.values_by_number[value].name).removeprefix(prefix).lower()
    if field.message_type is not None:
        return "; ".join(f"{name}: {text}" for name, text in fact_values(value).items())
    return str(value)
