"""The editor of one submission: a form that is saved as a draft, tried, or submitted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse, Response

from kieng.submissions.v1 import facts_pb2, submission_pb2, submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.calls import Refused
from services.portal.forms import (
    answers_of,
    facts_of,
    fields_of,
    share_of,
    share_text,
    version_of,
)
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.pages.counting import Place, places_of
from services.portal.pages.effects import effects_of
from services.portal.pages.reading import unit_names
from services.portal.pages.tables import sent_file, stamped
from services.portal.pages.threads import read_thread
from services.portal.pages.works import shown
from services.portal.site import Page

EVIDENCE_ROWS = 3
EVIDENCE_MAX = 20
EVIDENCE_ROW = re.compile(r"\bevidence\[([0-9]+)\]")
PROOF = ("title", "uri", "sha256")
NO_EVIDENCE: dict[str, Sequence[str]] = {f"evidence_{name}": () for name in PROOF}
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
        return _editor(page, type_, _answers(copied.content) | NO_EVIDENCE)
    unit = "" if page.session.unit_id == page.session.institution_id else page.session.unit_id
    return _editor(page, page.query.get("type", "publication"), {"unit_id": [unit]})


async def submission(page: Page) -> Response:
    """Answer `/submissions/ID`: the submission, as a form for contributors.

    Users without that role, and everyone if it is withdrawn or rejected, get a page to read.

    Raises:
        Refused: there is no such submission, or the caller may not read it.
    """
    found = await _read(page, page.request.path_params["submission_id"])
    places = await places_of(page, found)
    if not page.session.may("contributor") or found.state in ENDED:
        thread = await read_thread(page, found.submission_id)
        return page.html(
            "submission_page.html",
            submission=shown(found),
            thread=thread,
            places=places,
            unit_name=await unit_names(page),
        )
    type_ = found.content.facts.WhichOneof("kind") or ""
    return _editor(page, type_, _answers(found.content), found, places=places)


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
    """Return the content that the answers state.

    Raises:
        InvalidArgument: some answers are wrong; the error names all of their fields.
    """
    share, facts, wrong = 0, facts_pb2.Facts(), dict[str, str]()
    try:
        share = share_of(_one(answers, "share"))
    except InvalidArgument as error:
        wrong |= error.fields
    try:
        facts = facts_of(type_, answers)
    except InvalidArgument as error:
        wrong |= error.fields
    if wrong:
        raise InvalidArgument("some fields are wrong", fields=wrong)
    return submission_pb2.Content(
        unit_id=_one(answers, "unit_id"),
        part=PARTS.get(_one(answers, "part"), submission_pb2.PART_UNSPECIFIED),
        share_ppm=share,
        facts=facts,
        evidence=[submission_pb2.Evidence(**each) for each in _proofs(answers)],
    )


def _proofs(answers: Answers) -> list[dict[str, str]]:
    """Return title, URI and SHA-256 of each document that the answers name."""
    columns = [answers.get(f"evidence_{name}", ()) for name in PROOF]
    rows = [[cell.strip() for cell in row] for row in zip_longest(*columns, fillvalue="")]
    return [dict(zip(PROOF, row, strict=True)) for row in rows if any(row)][:EVIDENCE_MAX]


def _answers(content: submission_pb2.Content) -> dict[str, Sequence[str]]:
    part = "lead" if content.part == submission_pb2.PART_LEAD else "member"
    return {
        **answers_of(content.facts),
        "unit_id": [content.unit_id],
        "part": [part],
        "share": [share_text(content.share_ppm)],
        **{
            f"evidence_{name}": [getattr(each, name) for each in content.evidence] for name in PROOF
        },
    }


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
    proofs = _proofs(answers)
    count = min(max(EVIDENCE_ROWS, 1 + len(proofs)), EVIDENCE_MAX)
    proofs += [dict.fromkeys(PROOF, "") for _ in range(count - len(proofs))]
    told = {_place(path): page.said(text) for path, text in wrong.items()}
    asked = {"unit_id", "share_ppm", "evidence", *(each.name for each in fields_of(type_))}
    asked |= {f"{name}-{at}" for name in PROOF for at in range(count)}
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
        places=places,
        problem=_problem(page, problem, found),
        wrong=told,
        asked=asked,
        request_id=str(uuid.uuid4()),
        done=page.query.get("done", ""),
    )


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


def _place(path: str) -> str:
    """Return where the form shows the problem of a field, by the path of the field.

    For example, `content.facts.publication.doi` gives `doi`, and `content.evidence[1].sha256`
    gives `sha256-1`.
    """
    name = path.rpartition(".")[2]
    row = EVIDENCE_ROW.search(path)
    return f"{name}-{row[1]}" if row and name in PROOF else name
