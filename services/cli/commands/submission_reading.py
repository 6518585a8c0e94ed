"""`kieng submission show|history`: shows one submission, or all changes of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.client.submission_ids import full_id
from services.cli.completion_words import SUBMISSIONS, remembered
from services.cli.session import Session, with_session
from services.cli.terminal import submission_tables
from services.cli.terminal.render import message_json
from services.cli.terminal.screen import Screen

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Submission; the beginning of its id will do.")
]


def answer(screen: Screen, submission: submission_pb2.Submission) -> None:
    """Print a submission with all its facts and proofs: as a table, or as a JSON object."""
    screen.answer(message_json(submission), lambda: submission_tables.one(screen, submission))


def found(session: Session, given: str, *, with_history: bool = False) -> Any:
    """Return the stub of the service, and the submission whose id begins with ``given``.

    Raises:
        Failure: several submissions have an id that begins so, or a known one only ends so.
        CallFailed: there is none that the caller may see.
    """
    stub = session.stub(SubmissionServiceStub)
    seen = remembered(session.data, SUBMISSIONS)
    submission_id = full_id(stub, given, session.institution, seen)
    request = api.GetSubmissionRequest(submission_id=submission_id, with_history=with_history)
    return stub, stub.GetSubmission(request).submission


@with_session("auditor", institution="")
def show(session: Session, submission_id: Id) -> None:
    """Show one submission of an institution: its facts, its proofs, and what is verified.

    Example: kieng submission show 0192f0c1 --institution vnu
    """
    answer(session.screen, found(session, submission_id)[1])


@with_session("auditor", institution="")
def history(session: Session, submission_id: Id) -> None:
    """Show every change of a submission: when, who, what, and the reason given.

    Example: kieng submission history 0192f0c1 --institution vnu
    """
    screen = session.screen
    _, submission = found(session, submission_id, with_history=True)
    document = {
        "submission_id": submission.submission_id,
        "history": [message_json(entry) for entry in submission.history],
    }
    screen.answer(document, lambda: submission_tables.history(screen, submission))
