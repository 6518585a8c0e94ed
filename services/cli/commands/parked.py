"""`kieng parked ...`: lists, shows and repairs records that could not be counted."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from google.protobuf.message import DecodeError
from uuid_utils import uuid7

from kieng.kpi.v1 import parked_service_pb2 as api
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from kieng.submissions.v1 import events_pb2, log_service_pb2
from kieng.submissions.v1.log_service_pb2_grpc import LogServiceStub
from services.cli.session import Session, with_session
from services.cli.terminal.render import message_json, time_text

app = typer.Typer(no_args_is_help=True, help="Show and repair records that could not be counted.")

PAGE_SIZE = 500


Institution = Annotated[
    str,
    typer.Option(envvar="KIENG_INSTITUTION", help="Institution to act for (default: operator)."),
]


@app.command("list")
@with_session("operator")
def list_records(
    session: Session,
    with_mended: Annotated[
        bool, typer.Option("--all", help="Include records replaced by a newer version.")
    ] = False,
    institution: Institution = "",
) -> None:
    """List the records that could not be counted, with the reason.

    An operator sees those of every institution, an institution its own with the work.

    Example: kieng parked list --institution vnu
    """
    found: list[api.ParkedRecord] = []
    if institution:
        session = session.acting_for(institution, "auditor")
    stub, token = session.stub(ParkedServiceStub), ""
    while True:
        request = api.ListParkedRequest(
            with_mended=with_mended, page_size=PAGE_SIZE, page_token=token
        )
        answer = stub.ListParked(request)
        found += answer.records
        token = answer.next_page_token
        if not token:
            break
    table = session.screen.table(
        "place", "created_at", "institution", "submission_id", "version", "problem", "state"
    )
    for record in found:
        table.add_row(
            f"{record.partition}:{record.offset}",
            time_text(record.recorded_at, session.screen.lang),
            record.institution_id,
            record.submission_id,
            str(record.version or ""),
            record.reason,
            session.screen.text("parked.mended" if record.mended else "parked.open"),
        )
    session.screen.answer({"parked": [message_json(r) for r in found]}, lambda: table)


@app.command()
@with_session("operator")
def show(
    session: Session,
    place: Annotated[
        str, typer.Argument(metavar="PARTITION:OFFSET", help="Record position, as shown by `list`.")
    ],
    institution: Institution = "",
) -> None:
    """Show one record with its content: of your institution, or, as operator, of no institution.

    Example: kieng parked show 0:1742 --institution vnu
    """
    partition, _, offset = place.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise typer.BadParameter(f"{place!r} is not PARTITION:OFFSET, e.g. 0:1742")
    if institution:
        session = session.acting_for(institution, "auditor")
    request = api.GetParkedRequest(partition=int(partition), offset=int(offset))
    answer = session.stub(ParkedServiceStub).GetParked(request)
    content = _content(answer.value)
    document = {
        **message_json(answer.record),
        "event_type": answer.event_type,
        "event": content,
        "value_hex": answer.value.hex(),
    }
    table = session.screen.table("field", "value")
    for name, value in document.items():
        table.add_row(name, str(value))
    session.screen.answer(document, lambda: table)


@app.command()
@with_session("operator", institution="", subject=True)
def repair(
    session: Session,
    submission_id: Annotated[str, typer.Argument(metavar="ID", help="Submission.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "parked record",
) -> None:
    """Publish a submission again as a new version, after the cause is fixed.

    State and content do not change. The parked record counts as mended once the new version is
    read; if the cause persists, the new version is parked too.

    Example: kieng parked repair 0192f0c1-... --reason "unit was missing" --institution vnu
    """
    request = log_service_pb2.RepairSubmissionRequest(
        submission_id=submission_id, request_id=str(uuid7()), reason=reason
    )
    answer = session.stub(LogServiceStub).RepairSubmission(request)
    document = {"submission_id": answer.submission_id, "version": answer.version}
    table = session.screen.table("submission_id", "version")
    table.add_row(answer.submission_id, str(answer.version))
    session.screen.answer(document, lambda: table)


def _content(value: bytes) -> dict[str, Any] | None:
    """Return the content of an event's value in JSON form; None if it cannot be decoded."""
    try:
        return message_json(events_pb2.SubmissionChanged.FromString(value))
    except DecodeError:
        return None
