"""Decisions about submissions of the review queue: one, or many after a summary."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

from google.protobuf.message import Message
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from kieng.submissions.v1 import review_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.calls import Refused
from services.portal.forms import version_of
from services.portal.pages.effects import REVIEWS, Effects, effects_of_decisions, problem_of
from services.portal.pages.queue import QUEUE_MAX
from services.portal.pages.reading import unit_names
from services.portal.pages.tables import Value, sent_file, stamped
from services.portal.pages.works import read_again
from services.portal.site import Page

NEEDS_REASON = ("return", "reject")
DECISIONS = {
    "approve": review_service_pb2.DECISION_APPROVE,
    "verify": review_service_pb2.DECISION_VERIFY,
    "return": review_service_pb2.DECISION_RETURN,
    "reject": review_service_pb2.DECISION_REJECT,
}


async def decide(page: Page, given: FormData) -> Response:
    """Send the decision on one submission to the service, and redirect to the queue as filtered.

    If it lacks a reason that it needs, the answer is a page that asks for it, with status 400.

    Raises:
        Refused: the service refused the decision.
        InvalidArgument: the form names no valid decision or version. The caller's fault.
    """
    decision = DECISIONS.get(str(given.get("decision", "")))
    version = version_of(str(given.get("version", "")))
    if decision is None or version is None:
        raise InvalidArgument(page.text("refused.no_decision"))
    word, reason = str(given["decision"]), str(given.get("reason", "")).strip()
    if word in NEEDS_REASON and not reason:
        named = [(str(given.get("submission_id", "")), version)]
        return await _summary(page, given, word, "", named, status=400)
    request = review_service_pb2.DecideSubmissionRequest(
        request_id=str(given.get("request_id", "")),
        submission_id=str(given.get("submission_id", "")),
        version=version,
        decision=decision,
        reason=reason,
    )
    answer = await page.call(REVIEWS["DecideSubmission"], request)
    done = answer.submission.submission_id
    return RedirectResponse(page.here("/review", done=done), 303)


async def decide_many(page: Page, given: FormData) -> Response:
    """Preview what a decision on the chosen submissions would change; with `sure`, make it.

    At most `QUEUE_MAX` submissions are taken; those without a valid version are ignored.

    Raises:
        Refused: the service refused the whole call. Refusals of single submissions are shown.
        InvalidArgument: the form names no valid decision, or no submission. The caller's fault.
    """
    word, reason = str(given.get("decision", "")), str(given.get("reason", "")).strip()
    chosen = [str(each).rpartition("@") for each in given.getlist("chosen")][:QUEUE_MAX]
    versions = [(name, version_of(version)) for name, _, version in chosen]
    named = [(name, version) for name, version in versions if version is not None]
    if word not in DECISIONS or not named:
        raise InvalidArgument(page.text("refused.no_decision"))
    if given.get("file") or not given.get("sure"):
        return await _summary(page, given, word, reason, named)
    requests = _requests(str(given.get("request_id", "")), word, reason, named)
    method, token = REVIEWS["DecideSubmissions"], page.session.token
    answers = [a async for a in page.site.services.exchange(method, _each(requests), token)]
    problems = [problem_of(page, answer) for answer in answers]
    found = await read_again(page, [name for name, _ in named])
    results = list(zip(found, problems, strict=True))
    return page.html("decided.html", results=results, decision=word)


def _requests(
    call_id: str, word: str, reason: str, named: Sequence[tuple[str, int]]
) -> list[review_service_pb2.DecideSubmissionsRequest]:
    return [
        review_service_pb2.DecideSubmissionsRequest(
            request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{call_id} {name}")),
            submission_id=name,
            version=version,
            decision=DECISIONS[word],
            reason=reason,
        )
        for name, version in named
    ]


async def _summary(
    page: Page,
    given: FormData,
    decision: str,
    reason: str,
    named: Sequence[tuple[str, int]],
    *,
    status: int = 200,
) -> Response:
    items = await read_again(page, [name for name, _ in named])
    call_id, needs_reason = str(uuid.uuid4()), decision in NEEDS_REASON
    # The summary asks for a missing reason; what would change does not depend on it.
    tried = reason or ("?" if needs_reason else "")
    effects, refused = await _tried(page, _requests(call_id, decision, tried, named))
    counts = Counter((str(each["unit_id"]), str(each["type"])) for each in items)
    tables: dict[str, Iterable[Sequence[Value]]] = {"summary": _lines(page, counts)}
    if effects is not None:
        tables["effects"] = stamped(page, effects.lines(page), effects.view)
    if file := await sent_file(page, given, f"kieng-{decision}", tables):
        return file
    return page.html(
        "deciding.html",
        status,
        decision=decision,
        reason=reason,
        needs_reason=needs_reason,
        unit_name=await unit_names(page),
        items=items,
        named=named,
        counts=sorted(counts.items()),
        request_id=call_id,
        effects=effects,
        refused=refused,
    )


def _lines(page: Page, counts: Mapping[tuple[str, str], int]) -> Iterator[list[Value]]:
    """Yield headings and rows of the file of the summary."""
    yield [page.text(key) for key in ("work.unit", "own.type", "review.number")]
    for (unit_id, type_), count in sorted(counts.items()):
        yield [unit_id, page.word("type", type_), count]


async def _tried(
    page: Page, requests: Sequence[review_service_pb2.DecideSubmissionsRequest]
) -> tuple[Effects | None, Mapping[str, str]]:
    """Return what the decisions would change, None if not available now, and the refusals."""
    try:
        return await effects_of_decisions(page, requests)
    except Refused as refused:
        # Another preview is running, or the view changes too fast; the user can still decide.
        if refused.code not in ("UNAVAILABLE", "RESOURCE_EXHAUSTED"):
            raise
        return None, {}


async def _each(requests: Sequence[Message]) -> AsyncIterator[Message]:
    for request in requests:
        yield request
