"""The editor of one submission: a form that is saved as a draft, tried, or submitted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse, Response

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.calls import Refused
from services.portal.domain.deadlines import DECIDED_WITHIN
from services.portal.forms import fields_of, version_of
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.pages.counting import Place, places_of
from services.portal.pages.editor_answers import (
    EVIDENCE_MAX,
    PROOF,
    Answers,
    answers_to,
    content_of,
    one,
    place_of,
    proofs_of,
    with_others,
    with_unit_ids,
)
from services.portal.pages.effects import effects_of
from services.portal.pages.reading import unit_names
from services.portal.pages.tables import sent_file, stamped
from services.portal.pages.threads import read_thread
from services.portal.pages.works import shown
from services.portal.site import Page

EVIDENCE_ROWS = 3
NO_EVIDENCE: dict[str, Sequence[str]] = {f"evidence_{name}": () for name in PROOF}
OPEN = (submission_pb2.STATE_DRAFT, submission_pb2.STATE_RETURNED)
ENDED = (submission_pb2.STATE_WITHDRAWN, submission_pb2.STATE_REJECTED)
TOLD_IN_FORM = ("INVALID_ARGUMENT", "ABORTED")
"""Statuses of refusals that the form shows even if they name no field."""


async def new(page: Page) -> Response:
    """Answer `/submissions/new`: an empty form of `type`, or a copy of submission `like`.

    Without either, the form is that of a publication. A copy has no evidence.

    Raises:
        Refused: the caller may not read the submission to copy, or it does not exist.
        InvalidArgument: there is no such type. The caller's fault.
    """
    await unit_names(page)
    if like := page.query.get("like", ""):
        copied = await _read(page, like)
        type_ = copied.content.facts.WhichOneof("kind") or ""
        return _editor(page, type_, answers_to(copied.content) | NO_EVIDENCE)
    unit = "" if page.session.unit_id == page.session.institution_id else page.session.unit_id
    return _editor(page, page.query.get("type", "publication"), {"unit_id": [unit]})


async def submission(page: Page) -> Response:
    """Answer `/submissions/ID`: the submission, as a form for contributors.

    Users without that role, and everyone if it is withdrawn or rejected, get a page to read.

    Raises:
        Refused: there is no such submission, or the caller may not read it.
    """
    # With the names of units, the page gets to know the terms that its form offers.
    unit_name = await unit_names(page)
    found = await _read(page, page.request.path_params["submission_id"])
    places = await places_of(page, found)
    if not page.session.may("contributor") or found.state in ENDED:
        thread = await read_thread(page, found.submission_id)
        return page.html(
            "submission_page.html",
            submission=shown(found),
            thread=thread,
            places=places,
            unit_name=unit_name,
        )
    type_ = found.content.facts.WhichOneof("kind") or ""
    return _editor(page, type_, answers_to(found.content), found, places=places)


async def write(page: Page, given: FormData) -> Response:
    """Save, try, submit or withdraw the submission in a form, as its field `action` says.

    The actions are `try`, `submit` and `withdraw`; anything else saves a draft, or the new version
    of a submission. With `file`, the answer to a try is the table of effects as a file. Wrong
    answers return the form with nothing lost, and a message next to each wrong field. Scripts that
    accept JSON get JSON instead of a page.

    Args:
        page: the page.
        given: the fields of the form.

    Raises:
        Refused: the service refused for another reason than wrong answers.
        InvalidArgument: there is no such type. The caller's fault.
    """
    answers = {key: [str(v) for v in given.getlist(key)] for key in given if key != "csrf"}
    type_, action = one(answers, "type"), one(answers, "action")
    submission_id = page.request.path_params.get("submission_id", "")
    found = await _read(page, submission_id) if submission_id else None
    if action == "withdraw" and found is not None:
        return await _withdrawn(page, type_, found, answers)
    is_draft = action not in ("submit", "try") and (
        found is None or found.state == submission_pb2.STATE_DRAFT
    )
    unclear = await with_unit_ids(page, answers)
    content, wrong = content_of(type_, answers)
    try:
        if wrong := {**unclear, **wrong}:
            raise InvalidArgument("some fields are wrong", fields=wrong)
        if action == "try" or given.get("file"):
            tried = await effects_of(page, content, found)
            lines = stamped(page, tried.lines(page), tried.view)
            if file := await sent_file(page, given, f"kieng-{type_}", {"effects": lines}):
                return file
            return _editor(page, type_, answers, found, effects=tried)
        kept = await _keep(page, content, found, answers, hand_in=action == "submit")
    except (Refused, InvalidArgument) as error:
        if not _is_told_in_form(error):
            raise
        if _is_script(page):
            return JSONResponse({"problem": page.said(error.message)}, 400)
        asked = (page, error, content, found)
        problem = await with_others(*asked, needs_evidence=not is_draft)
        return _editor(page, type_, answers, found, problem=problem, status=400)
    return _kept_answer(page, kept, action)


def _is_told_in_form(error: Refused | InvalidArgument) -> bool:
    return not isinstance(error, Refused) or error.code in TOLD_IN_FORM or bool(error.fields)


async def _withdrawn(
    page: Page, type_: str, found: submission_pb2.Submission, answers: Answers
) -> Response:
    try:
        await _withdraw(page, found, answers)
    except Refused as error:
        if not _is_told_in_form(error):
            raise
        if _is_script(page):
            return JSONResponse({"problem": page.said(error.message)}, 400)
        return _editor(page, type_, answers, found, problem=error, status=400)
    return RedirectResponse(page.href("/submissions", done=found.submission_id), 303)


def _is_script(page: Page) -> bool:
    return "application/json" in page.request.headers.get("accept", "")


def _kept_answer(page: Page, kept: submission_pb2.Submission, action: str) -> Response:
    address = f"/submissions/{kept.submission_id}"
    if not _is_script(page):
        return RedirectResponse(page.href(address, done=action), 303)
    told = {"version": kept.version, "request_id": str(uuid.uuid4())}
    return JSONResponse({"address": page.href(address), **told})


async def _keep(
    page: Page,
    content: submission_pb2.Content,
    found: submission_pb2.Submission | None,
    answers: Answers,
    *,
    hand_in: bool,
) -> submission_pb2.Submission:
    request_id = one(answers, "request_id")
    if found is None:
        creating = submission_service_pb2.CreateSubmissionRequest(
            request_id=request_id, content=content, submit=hand_in
        )
        answer = await page.call(SUBMISSIONS["CreateSubmission"], creating)
        return answer.submission  # type: ignore[no-any-return]
    kept = found
    if content != found.content:
        amending = submission_service_pb2.AmendSubmissionRequest(
            request_id=request_id,
            submission_id=found.submission_id,
            version=_version(answers),
            content=content,
        )
        kept = (await page.call(SUBMISSIONS["AmendSubmission"], amending)).submission
    if hand_in and kept.state in OPEN:
        again = uuid.uuid5(uuid.NAMESPACE_OID, f"{request_id} submit")
        submitting = submission_service_pb2.SubmitSubmissionRequest(
            request_id=str(again), submission_id=kept.submission_id, version=kept.version
        )
        kept = (await page.call(SUBMISSIONS["SubmitSubmission"], submitting)).submission
    return kept


async def _withdraw(page: Page, found: submission_pb2.Submission, answers: Answers) -> None:
    request = submission_service_pb2.WithdrawSubmissionRequest(
        request_id=one(answers, "request_id"),
        submission_id=found.submission_id,
        version=_version(answers),
        reason=one(answers, "reason"),
    )
    await page.call(SUBMISSIONS["WithdrawSubmission"], request)


def _version(answers: Answers) -> int:
    """Return the version that the form shows, so that no newer one is overwritten unseen."""
    return version_of(one(answers, "version")) or 0


async def _read(page: Page, submission_id: str) -> submission_pb2.Submission:
    request = submission_service_pb2.GetSubmissionRequest(submission_id=submission_id)
    answer = await page.call(SUBMISSIONS["GetSubmission"], request)
    return answer.submission  # type: ignore[no-any-return]


def _editor(
    page: Page,
    type_: str,
    answers: Answers,
    found: submission_pb2.Submission | None = None,
    *,
    effects: Any = None,
    places: Sequence[Place] = (),
    problem: Refused | InvalidArgument | None = None,
    status: int = 200,
) -> Response:
    """Return the page with the form and its answers, and the problem next to each wrong field."""
    wrong = {} if problem is None else dict(problem.fields)
    proofs = proofs_of(answers)
    count = min(max(EVIDENCE_ROWS, 1 + len(proofs)), EVIDENCE_MAX)
    proofs += [dict.fromkeys(PROOF, "") for _ in range(count - len(proofs))]
    told = {place_of(path): page.said(text) for path, text in wrong.items()}
    asked = {"unit_id", "share_ppm", "evidence", *(each.name for each in fields_of(type_))}
    asked |= {f"{name}-{at}" for name in PROOF for at in range(count)}
    return page.html(
        "editor.html",
        status,
        type=type_,
        fields=fields_of(type_),
        terms=_terms(page, type_),
        answers=answers,
        proofs=proofs,
        submission=None if found is None else shown(found),
        is_open=found is None or found.state in OPEN,
        effects=effects,
        places=places,
        problem=_problem(page, problem, found),
        wrong=told,
        asked=asked,
        request_id=str(uuid.uuid4()),
        done=page.query.get("done", ""),
        days=DECIDED_WITHIN.days,
    )


def _terms(page: Page, type_: str) -> Mapping[str, Mapping[str, str]]:
    """Return field -> code -> name of the terms to choose from; empty where any text will do."""
    catalogue = page.site.catalogues.newest
    return {
        each.name: {} if catalogue is None else catalogue.terms(each.name, page.lang)
        for each in fields_of(type_)
    }


def _problem(
    page: Page,
    problem: Refused | InvalidArgument | None,
    found: submission_pb2.Submission | None,
) -> str:
    """Return what the page says above the form about why it was not taken; empty for nothing."""
    if problem is None:
        return ""
    if isinstance(problem, Refused) and problem.code == "ABORTED" and found is not None:
        return page.text("editor.newer", version=found.version)
    if problem.fields:
        return page.text("editor.wrong", count=len(problem.fields))
    return page.said(problem.message)
