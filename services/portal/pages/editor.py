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
from services.portal.forms import answers_of, facts_of, fields_of, version_of
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.pages.effects import effects_of
from services.portal.pages.tables import sent_file, stamped
from services.portal.pages.threads import read_thread
from services.portal.pages.works import shown
from services.portal.site import Page
from services.refusals import head_of

EVIDENCE_ROWS = 3
EVIDENCE_MAX = 20
PARTS = {"member": submission_pb2.PART_MEMBER, "lead": submission_pb2.PART_LEAD}
OPEN = (submission_pb2.STATE_DRAFT, submission_pb2.STATE_RETURNED)
ENDED = (submission_pb2.STATE_WITHDRAWN, submission_pb2.STATE_REJECTED)
Answers = Mapping[str, Sequence[str]]


async def new(page: Page) -> Response:
    """Answer `/submissions/new`: an empty form of `type`, or a copy of submission `like`.

    Without either, the form is that of a publication. A copy has no evidence.

    Raises:
        Refused: the caller may not read the submission to copy, or it does not exist.
        InvalidArgument: there is no such type. The caller's fault.
    """
    if like := page.query.get("like", ""):
        copied = await _read(page, like)
        type_ = copied.content.facts.WhichOneof("kind") or ""
        return _editor(page, type_, _answers(copied.content) | {"evidence_title": []})
    unit = "" if page.session.unit_id == page.session.institution_id else page.session.unit_id
    return _editor(page, page.query.get("type", "publication"), {"unit_id": [unit]})


async def submission(page: Page) -> Response:
    """Answer `/submissions/ID`: the submission, as a form for contributors.

    Users without that role, and everyone if it is withdrawn or rejected, get a page to read.

    Raises:
        Refused: there is no such submission, or the caller may not read it.
    """
    found = await _read(page, page.request.path_params["submission_id"])
    if not page.session.may("contributor") or found.state in ENDED:
        thread = await read_thread(page, found.submission_id)
        return page.html("submission_page.html", submission=shown(found), thread=thread)
    type_ = found.content.facts.WhichOneof("kind") or ""
    return _editor(page, type_, _answers(found.content), found)


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
    type_, action = _one(answers, "type"), _one(answers, "action")
    submission_id = page.request.path_params.get("submission_id", "")
    found = await _read(page, submission_id) if submission_id else None
    try:
        if action == "withdraw" and found is not None:
            await _withdraw(page, found, answers)
            return RedirectResponse(page.href("/submissions", done=found.submission_id), 303)
        content = _content(type_, answers)
        if action == "try" or given.get("file"):
            tried = await effects_of(page, content, found)
            lines = stamped(page, tried.lines(page), tried.view)
            if file := await sent_file(page, given, f"kieng-{type_}", {"effects": lines}):
                return file
            return _editor(page, type_, answers, found, effects=tried)
        kept = await _keep(page, content, found, answers, hand_in=action == "submit")
    except (Refused, InvalidArgument) as wrong:
        if isinstance(wrong, Refused) and wrong.code not in ("INVALID_ARGUMENT", "ABORTED"):
            raise
        if "application/json" in page.request.headers.get("accept", ""):
            return JSONResponse({"problem": page.said(wrong.message)}, 400)
        return _editor(page, type_, answers, found, problem=wrong, status=400)
    where = page.href(f"/submissions/{kept.submission_id}", done=action)
    if "application/json" in page.request.headers.get("accept", ""):
        address = page.href(f"/submissions/{kept.submission_id}")
        return JSONResponse(
            {"address": address, "version": kept.version, "request_id": str(uuid.uuid4())}
        )
    return RedirectResponse(where, 303)


async def _keep(
    page: Page,
    content: submission_pb2.Content,
    found: submission_pb2.Submission | None,
    answers: Answers,
    *,
    hand_in: bool,
) -> submission_pb2.Submission:
    request_id = _one(answers, "request_id")
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
        request_id=_one(answers, "request_id"),
        submission_id=found.submission_id,
        version=_version(answers),
        reason=_one(answers, "reason"),
    )
    await page.call(SUBMISSIONS["WithdrawSubmission"], request)


def _version(answers: Answers) -> int:
    """Return the version that the form shows, so that no newer one is overwritten unseen."""
    return version_of(_one(answers, "version")) or 0


async def _read(page: Page, submission_id: str) -> submission_pb2.Submission:
    request = submission_service_pb2.GetSubmissionRequest(submission_id=submission_id)
    answer = await page.call(SUBMISSIONS["GetSubmission"], request)
    return answer.submission  # type: ignore[no-any-return]


def _one(answers: Answers, name: str) -> str:
    return next(iter(answers.get(name, ())), "").strip()


def _content(type_: str, answers: Answers) -> submission_pb2.Content:
    share = _one(answers, "share_ppm") or "0"
    if not share.isdecimal() or len(share) > 7:
        problem = "write a whole number"
        raise InvalidArgument(f"share_ppm: {problem}", fields={"share_ppm": problem})
    columns = [answers.get(f"evidence_{name}", ()) for name in ("title", "uri", "sha256")]
    rows = [tuple(cell.strip() for cell in row) for row in zip(*columns, strict=False)]
    return submission_pb2.Content(
        unit_id=_one(answers, "unit_id"),
        part=PARTS.get(_one(answers, "part"), submission_pb2.PART_UNSPECIFIED),
        share_ppm=int(share),
        facts=facts_of(type_, answers),
        evidence=[
            submission_pb2.Evidence(title=title, uri=uri, sha256=sha256)
            for title, uri, sha256 in rows[:EVIDENCE_MAX]
            if title or uri or sha256
        ],
    )


def _answers(content: submission_pb2.Content) -> dict[str, Sequence[str]]:
    part = "lead" if content.part == submission_pb2.PART_LEAD else "member"
    return {
        **answers_of(content.facts),
        "unit_id": [content.unit_id],
        "part": [part],
        "share_ppm": [str(content.share_ppm or "")],
        **{
            f"evidence_{name}": [getattr(each, name) for each in content.evidence]
            for name in ("title", "uri", "sha256")
        },
    }


def _editor(
    page: Page,
    type_: str,
    answers: Answers,
    found: submission_pb2.Submission | None = None,
    *,
    effects: Any = None,
    problem: Refused | InvalidArgument | None = None,
    status: int = 200,
) -> Response:
    """Return the page with the form and its answers, and the problem next to each wrong field."""
    wrong = {} if problem is None else dict(problem.fields)
    count = max(EVIDENCE_ROWS, 1 + len(answers.get("evidence_title", ())))
    proofs = [
        {name: _at(answers.get(f"evidence_{name}", ()), at) for name in ("title", "uri", "sha256")}
        for at in range(min(count, EVIDENCE_MAX))
    ]
    return page.html(
        "editor.html",
        status,
        type=type_,
        fields=fields_of(type_),
        answers=answers,
        proofs=proofs,
        submission=None if found is None else shown(found),
        is_open=found is None or found.state in OPEN,
        effects=effects,
        problem="" if problem is None else page.said(head_of(problem.message, wrong.items())),
        wrong={path.rpartition(".")[2]: page.said(text) for path, text in wrong.items()},
        request_id=str(uuid.uuid4()),
        done=page.query.get("done", ""),
    )


def _at(values: Sequence[str], at: int) -> str:
    return values[at] if at < len(values) else ""
