"""`kieng parked ...`: lists, shows, repairs and dismisses records that could not be counted."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from google.protobuf.message import DecodeError
from uuid_utils import uuid7

from kieng.kpi.v1 import parked_service_pb2 as api
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from kieng.submissions.v1 import events_pb2, log_service_pb2
from kieng.submissions.v1.log_service_pb2_grpc import LogServiceStub
from services.cli.commands.kpi_history import PLACE
from services.cli.session import Session, with_session
from services.cli.terminal.render import message_json, time_text

app = typer.Typer(
    no_args_is_help=True, help="Show, repair and dismiss records that could not be counted."
)

PAGE_SIZE = 500


Place = Annotated[
    str, typer.Argument(metavar="PARTITION:OFFSET", help="Record position, as shown by `list`.")
]
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
    with_dismissed: Annotated[
        bool, typer.Option("--dismissed", help="Include dismissed records.")
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
            with_mended=with_mended,
            with_dismissed=with_dismissed,
            page_size=PAGE_SIZE,
            page_token=token,
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
            session.screen.text(f"parked.{_state(record)}"),
        )
    session.screen.answer({"parked": [message_json(r) for r in found]}, lambda: table)


@app.command()
@with_session("operator")
def show(
    session: Session,
    place: Place,
    institution: Institution = "",
) -> None:
    """Show one record with its content: of your institution, or, as operator, of no institution.

    Example: kieng parked show 0:1742 --institution vnu
    """
    partition, offset = _decode_place(place)
    if institution:
        session = session.acting_for(institution, "auditor")
    request = api.GetParkedRequest(partition=partition, offset=offset)
    answer = session.stub(ParkedServiceStub).GetParked(request)
    content = _content(answer.value)
    document = {
        **message_json(answer.record),
        "event_type": answer.event_type,
        "event": content,
        "value_hex": answer.value.hex(),
    }
    screen = session.screen
    recorded = time_text(answer.record.recorded_at, screen.lang)
    screen.fields(document, {"recorded_at": recorded} if recorded else None)


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


@app.command()
@with_session("operator", subject=True)
def dismiss(
    session: Session,
    place: Place,
    reason: Annotated[str, typer.Option(help="Why it will never be repaired.")],
    institution: Institution = "",
) -> None:
    """No longer count a record that will never be repaired: of your institution, or of none.

    No number changes, and alerts stop. The record stays readable with its dismissal (`list
    --dismissed`). A repeat with the same reason changes nothing.

    Example: kieng parked dismiss 0:1742 --reason "a test of the sender" --institution vnu
    """
    partition, offset = _decode_place(place)
    if institution:
        session = session.acting_for(institution)
    request = api.DismissParkedRequest(partition=partition, offset=offset, reason=reason)
    answer = session.stub(ParkedServiceStub).DismissParked(request)
    record = answer.record
    table = session.screen.table("place", "created_at", "institution", "problem", "state")
    table.add_row(
        place,
        time_text(record.recorded_at, session.screen.lang),
        record.institution_id,
        record.reason,
        session.screen.text(f"parked.{_state(record)}"),
    )
    session.screen.answer(message_json(record), lambda: table)


def _decode_place(place: str) -> tuple[int, int]:
    """Return partition and offset of a position, given as `PARTITION:OFFSET`.

    Raises:
        typer.BadParameter: the text does not have this form, which is the user's fault.
    """
    if not re.fullmatch(PLACE, place):
        raise typer.BadParameter(f"{place!r} is not PARTITION:OFFSET, e.g. 0:1742")
    partition, _, offset = place.partition(":")
    return int(partition), int(offset)


def _state(record: api.ParkedRecord) -> str:
    """Return the state of a record: `mended`, `dismissed` or `open`."""
    if record.mended:
        return "mended"
    return "dismissed" if record.HasField("dismissal") else "open"


def _content(value: bytes) -> dict[str, Any] | None:
    """Return the content of an event's value in JSON form; None if it cannot be decoded."""
    try:
        return message_json(events_pb2.SubmissionChanged.FromString(value))
    except DecodeError:
        return None
