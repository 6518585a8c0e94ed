"""`kieng submission ...`: read, list and withdraw submissions."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from uuid_utils import uuid7

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text, message_json, time_text
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Read, list and withdraw submissions.")


def state_text(submission: submission_pb2.Submission) -> str:
    """Return the state of a submission by the name that `--state` takes, e.g. `unit_approved`."""
    return enum_text(submission_pb2.State.Name(submission.state), "STATE_")


def answer(screen: Screen, submission: submission_pb2.Submission) -> None:
    """Print one submission."""
    screen.answer(message_json(submission), lambda: _one(screen, submission))


def _one(screen: Screen, submission: submission_pb2.Submission) -> Table:
    table = screen.table("field", "value")
    content = submission.content
    pairs = {
        "submission_id": submission.submission_id,
        "version": str(submission.version),
        "state": screen.text(f"state.{state_text(submission)}"),
        "work_key": submission.work_key,
        "verified_work_key": submission.verified_work_key,
        "unit_id": content.unit_id,
        "type": content.facts.WhichOneof("kind") or "",
        "reason": submission.reason,
        "decided_by": submission.decided_by,
        "updated_at": time_text(submission.updated_at),
        "evidence": "\n".join(proof.sha256 for proof in content.evidence),
    }
    for name, value in pairs.items():
        if value:
            table.add_row(name, value)
    return table


@app.command()
@with_session("auditor", institution="")
def show(
    session: Session,
    submission_id: Annotated[str, typer.Argument(metavar="ID")],
) -> None:
    """Show one submission of an institution.

    Example: kieng submission show 0192f0c1-... --institution vnu
    """
    stub = session.stub(SubmissionServiceStub)
    found = stub.GetSubmission(api.GetSubmissionRequest(submission_id=submission_id))
    answer(session.screen, found.submission)


@app.command("list")
@with_session("auditor", institution="")
def list_submissions(
    session: Session,
    unit: Annotated[str, typer.Option(help="Only of this unit and those below it.")] = "",
    state: Annotated[
        list[str],
        typer.Option(
            help="Only in this state. Repeatable.",
        ),
    ] = [],  # noqa: B006
    type_name: Annotated[str, typer.Option("--type", help="Only of this type.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 100,
) -> None:
    """List submissions of an institution.

    Example: kieng submission list --institution vnu --unit vnu/hus --state submitted
    """
    request = api.ListSubmissionsRequest(unit_id=unit, type=type_name, states=map(_state, state))
    found: list[submission_pb2.Submission] = []
    stub = session.for_unit(unit).stub(SubmissionServiceStub)
    while len(found) < limit:
        request.page_size = min(500, limit - len(found))
        page = stub.ListSubmissions(request)
        found += page.submissions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    screen = session.screen
    document = {"submissions": [message_json(submission) for submission in found]}
    screen.answer(document, lambda: _many(screen, found))


def _state(name: str) -> submission_pb2.State.ValueType:
    try:
        return submission_pb2.State.Value(f"STATE_{name.upper()}")
    except ValueError:
        known = ", ".join(enum_text(key, "STATE_") for key in submission_pb2.State.keys()[1:])
        raise Failure(f"unknown state {name!r}; known are {known}", USAGE) from None


def _many(screen: Screen, found: list[submission_pb2.Submission]) -> Table:
    table = screen.table("submission_id", ">version", "state", "unit_id", "type", "work_key")
    for submission in found:
        table.add_row(
            submission.submission_id,
            str(submission.version),
            screen.text(f"state.{state_text(submission)}"),
            submission.content.unit_id,
            submission.content.facts.WhichOneof("kind") or "",
            submission.work_key,
        )
    return table


@app.command()
@with_session("contributor", institution="", subject=True)
def withdraw(
    session: Session,
    submission_id: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Withdraw a submission; it stops counting.

    Example: kieng submission withdraw 0192f0c1-... --reason "declared twice" --institution vnu
    """
    stub = session.stub(SubmissionServiceStub)
    found = stub.GetSubmission(api.GetSubmissionRequest(submission_id=submission_id))
    request = api.WithdrawSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=submission_id,
        version=found.submission.version,
        reason=reason,
    )
    answer(session.screen, stub.WithdrawSubmission(request).submission)
