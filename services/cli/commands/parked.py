"""`kieng parked ...`: records that could not be folded; see them and mend them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from google.protobuf.message import DecodeError
from uuid_utils import uuid7

from kieng.kpi.v1 import parked_service_pb2 as api
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from kieng.submissions.v1 import events_pb2, log_service_pb2
from kieng.submissions.v1.log_service_pb2_grpc import LogServiceStub
from services.cli import options
from services.cli.client.local_issuer import CONSORTIUM
from services.cli.terminal.render import message_json, time_text

app = typer.Typer(no_args_is_help=True, help="See and mend records that could not be counted.")

PAGE_SIZE = 500


@app.command("list")
def list_records(
    with_mended: Annotated[
        bool, typer.Option("--all", help="Also those that a newer version replaced.")
    ] = False,
    institution: Annotated[
        str, typer.Option(envvar="KIENG_INSTITUTION", help="As whom; empty is the operator.")
    ] = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """List the records that could not be counted, with the reason.

    An operator sees those of every institution, an institution its own with the work.

    Example: kieng parked list --institution vnu
    """
    role = "auditor" if institution else "operator"
    found: list[api.ParkedRecord] = []
    opened = options.session(output, lang, data, role, institution=institution or CONSORTIUM)
    with opened as session:
        stub, token = session.clients.stub(ParkedServiceStub), ""
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
            time_text(record.recorded_at),
            record.institution_id,
            record.submission_id,
            str(record.version or ""),
            record.reason,
            session.screen.text("parked.mended" if record.mended else "parked.open"),
        )
    session.screen.answer({"parked": [message_json(r) for r in found]}, lambda: table)


@app.command()
def show(
    place: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `list` says it.")],
    institution: Annotated[
        str, typer.Option(envvar="KIENG_INSTITUTION", help="As whom; empty is the operator.")
    ] = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Show one record with its content: of the own institution, or, as operator, of none.

    Example: kieng parked show 0:1742 --institution vnu
    """
    partition, _, offset = place.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise typer.BadParameter(f"{place!r} is not PARTITION:OFFSET, e.g. 0:1742")
    role = "auditor" if institution else "operator"
    opened = options.session(output, lang, data, role, institution=institution or CONSORTIUM)
    with opened as session:
        request = api.GetParkedRequest(partition=int(partition), offset=int(offset))
        answer = session.clients.stub(ParkedServiceStub).GetParked(request)
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
def repair(
    submission_id: Annotated[str, typer.Argument(metavar="ID", help="Submission.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "parked record",
    institution: options.Institution = "",
    subject: options.Subject = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Publish a submission again as a new version, after the cause is mended.

    State and content stay as they are. The parked record counts as mended once the new version is
    read; if the cause is still there, the new version is parked too.

    Example: kieng parked repair 0192f0c1-... --reason "unit was missing" --institution vnu
    """
    opened = options.session(
        output, lang, data, "operator", institution=institution, subject=subject
    )
    with opened as session:
        request = log_service_pb2.RepairSubmissionRequest(
            submission_id=submission_id, request_id=str(uuid7()), reason=reason
        )
        answer = session.clients.stub(LogServiceStub).RepairSubmission(request)
    document = {"submission_id": answer.submission_id, "version": answer.version}
    table = session.screen.table("submission_id", "version")
    table.add_row(answer.submission_id, str(answer.version))
    session.screen.answer(document, lambda: table)


def _content(value: bytes) -> dict[str, Any] | None:
    """Return what can be read of an event; None when it is no such message."""
    try:
        return message_json(events_pb2.SubmissionChanged.FromString(value))
    except DecodeError:
        return None
