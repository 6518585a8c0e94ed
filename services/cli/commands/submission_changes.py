"""`kieng submission amend|submit|withdraw`: what an author does with a submission."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.message import Message
from uuid_utils import uuid7

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from services.cli.commands.submission_reading import Id, answer, found
from services.cli.commands.submit import Evidence, Fact, FactsJson, pairs, proof, read_content
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.importing import headings


@with_session("contributor", "registry", "system", institution="", subject=True)
def amend(
    session: Session,
    submission_id: Id,
    unit: Annotated[str, typer.Option(help="Another claiming unit.")] = "",
    fact: Fact = [],  # noqa: B006  typer copies it
    facts_json: FactsJson = None,
    evidence: Evidence = [],  # noqa: B006
    drop_evidence: Annotated[
        bool, typer.Option("--drop-evidence", help="Without the present documents.")
    ] = False,
    part: Annotated[str, typer.Option(help="Role of the unit: lead or member.")] = "",
    share_ppm: Annotated[str, typer.Option(help="Share, e.g. 50% (or in millionths).")] = "",
) -> None:
    """Change a submission: what is not named stays; anything but a draft is submitted again.

    An empty value (name=) removes a fact. A verified version counts until the new one is verified.

    Example: kieng submission amend 0192f0c1 --fact doi=10.5555/x --evidence article.pdf
    --institution vnu
    """
    stub, before = found(session, submission_id)
    type_name = before.content.facts.WhichOneof("kind")
    facts = pairs(fact)
    claim = {"unit_id": unit or before.content.unit_id, "part": part, "share_ppm": share_ppm}
    given = read_content(session.screen, type_name, {**claim, **facts}, facts_json)
    content = merged(before.content, given, type_name, [name for name, v in facts.items() if not v])
    if drop_evidence:
        del content.evidence[:]
    known = {each.sha256 for each in content.evidence}
    content.evidence.extend(new for new in map(proof, evidence) if new.sha256 not in known)
    if content == before.content:
        raise Failure(session.screen.text("submission.nothing_changed"), USAGE)
    request = api.AmendSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=before.submission_id,
        version=before.version,
        content=content,
    )
    answer(session.screen, stub.AmendSubmission(request).submission)


def merged(
    before: submission_pb2.Content,
    given: submission_pb2.Content,
    type_name: str,
    removed: list[str],
) -> submission_pb2.Content:
    """Return a copy of a content in which given fields are replaced and some facts removed.

    A given list replaces the whole list. A fact that is both removed and given is replaced.

    Args:
        before: the whole content.
        given: content of the same type in which only the fields to change are set.
        type_name: submission type.
        removed: names of the columns of the facts to remove; unknown ones are ignored.
    """
    content = submission_pb2.Content.FromString(before.SerializeToString())
    for name in ("unit_id", "part", "share_ppm", "source"):
        if value := getattr(given, name):
            setattr(content, name, value)
    facts: Message = getattr(content.facts, type_name)
    columns = headings.fact_columns(type_name)
    for name in removed:
        if name in columns:
            facts.ClearField(columns[name].name)
    new: Message = getattr(given.facts, type_name)
    for field, _ in new.ListFields():
        facts.ClearField(field.name)
    facts.MergeFrom(new)
    return content


@with_session("contributor", institution="", subject=True)
def submit(session: Session, submission_id: Id) -> None:
    """Submit a draft, or a returned submission that needs no change, for review.

    Example: kieng submission submit 0192f0c1 --institution vnu
    """
    stub, before = found(session, submission_id)
    request = api.SubmitSubmissionRequest(
        request_id=str(uuid7()), submission_id=before.submission_id, version=before.version
    )
    answer(session.screen, stub.SubmitSubmission(request).submission)


@with_session("contributor", institution="", subject=True)
def withdraw(
    session: Session,
    submission_id: Id,
    reason: Annotated[str, typer.Option(help="Why; needed when something was verified.")] = "",
    as_approver: Annotated[
        bool, typer.Option("--as-approver", help="As an approver, of what others wrote.")
    ] = False,
) -> None:
    """Withdraw a submission; it stops counting.

    Example: kieng submission withdraw 0192f0c1 --reason "declared twice" --institution vnu
    """
    if as_approver:
        session = session.acting_for(session.institution, "approver")
    stub, before = found(session, submission_id)
    request = api.WithdrawSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=before.submission_id,
        version=before.version,
        reason=reason,
    )
    answer(session.screen, stub.WithdrawSubmission(request).submission)
