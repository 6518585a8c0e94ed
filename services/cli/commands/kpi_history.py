"""`kieng kpi days`, `kieng kpi show --as-of ...` and `--at-vector ...`: numbers of the past."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.troubles import CallFailed
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.frame import HASH_CHARACTERS, position_text
from services.cli.terminal.render import iso_day_text, time_text, view_json

NOT_KEPT = "NOT_KEPT"
PLACE = r"[0-9]{1,9}:[0-9]{1,18}"
"""Pattern of a partition and an offset, with no more digits than their messages have room for."""
VECTOR = rf"{PLACE}(,{PLACE})*"

AsOf = Annotated[
    str, typer.Option("--as-of", help="Numbers as of the end of this day, e.g. 2026-03-01.")
]
AtVector = Annotated[
    str,
    typer.Option("--at-vector", help="Numbers at a position of the log, e.g. 0:1234,1:1180."),
]
Replay = Annotated[
    bool, typer.Option("--replay", help="Recompute from the log even where the day is kept.")
]


def read_vector(text: str) -> list[view_pb2.PartitionProgress]:
    """Return the position of the log in a text `partition:offset,...`, e.g. `0:1234,1:1180`.

    Raises:
        Failure: the text does not have this form.
    """
    if not re.fullmatch(VECTOR, text):
        raise Failure(f"--at-vector {text!r}: write partition:offset, e.g. 0:1234,1:1180", USAGE)
    pairs = [pair.split(":") for pair in text.split(",")]
    return [view_pb2.PartitionProgress(partition=int(p), next_offset=int(o)) for p, o in pairs]


def check_day(option: str, text: str) -> None:
    """Check that the value of an option is a day or empty; ``option`` is its name for the message.

    Raises:
        Failure: the value is not a calendar day `YYYY-MM-DD`.
    """
    try:
        datetime.strptime(text or "2000-01-01", "%Y-%m-%d")
    except ValueError:
        raise Failure(f"{option} {text!r}: write a day as 2026-03-01", USAGE) from None


def read_cells(
    session: Session, selection: view_pb2.Selection, on: str, as_of: str, at: str, replay: bool
) -> kpi_service_pb2.GetKpisResponse:
    """Return numbers of the present, of a past day, or of a position of the log.

    Those of a past day are read if their state was stored on that day, which is then a kept day;
    otherwise they are recomputed from the log, which takes longer.

    Args:
        session: session of the command.
        selection: numbers to read.
        on: day on which progress towards targets is judged, `YYYY-MM-DD`; empty for today.
        as_of: day at whose end the numbers are read, `YYYY-MM-DD`; empty for the present.
        at: position of the log up to which to recompute the numbers; empty for none.
        replay: whether to recompute the numbers of ``as_of`` even if the day is kept.

    Raises:
        Failure: both ``as_of`` and ``at`` are given, or one of them is not valid.
        CallFailed: the service refused the call or did not answer.
    """
    if as_of and at:
        raise Failure("either --as-of or --at-vector, not both", USAGE)
    check_day("--as-of", as_of)
    check_day("--on", on)
    stub = session.clients.stub(KpiServiceStub)
    if not at and not (as_of and replay):
        request = kpi_service_pb2.GetKpisRequest(
            selection=selection, on_date=on, as_of=as_of, with_contradictions=not as_of
        )
        try:
            answer: kpi_service_pb2.GetKpisResponse = stub.GetKpis(request)
            return answer
        except CallFailed as failed:
            if failed.trouble.reason != NOT_KEPT:
                raise
            session.screen.say("past.replaying", day=iso_day_text(as_of, session.screen.lang))
    wish = kpi_service_pb2.ReplayKpisRequest(selection=selection, on_date=on, as_of=as_of)
    if at:
        wish.at.extend(read_vector(at))
    return _replayed(session, stub, wish)


def _replayed(
    session: Session, stub: Any, wish: kpi_service_pb2.ReplayKpisRequest
) -> kpi_service_pb2.GetKpisResponse:
    with session.screen.progress() as bar:
        task = bar.add_task(session.screen.text("past.records"), total=None)
        answer = kpi_service_pb2.GetKpisResponse()
        for step in stub.ReplayKpis(wish):
            bar.update(task, completed=step.records_read, total=step.records_total or None)
            if step.HasField("answer"):
                answer = step.answer
    return answer


def past_json(answer: kpi_service_pb2.GetKpisResponse, as_of: str, at: str) -> dict[str, Any]:
    """Return the key `as_of` of a JSON answer, with the source of past numbers.

    E.g. `{"as_of": {"day": "2026-03-01", "source": "replay"}}`; the source is `kept` for a stored
    day. Return an empty map for numbers of the present.

    Args:
        answer: answer of the service.
        as_of: value of the option `--as-of`; empty for none.
        at: value of the option `--at-vector`; empty for none.
    """
    if answer.HasField("kept_day"):
        taken_at = answer.kept_day.taken_at.ToDatetime(tzinfo=UTC).isoformat()
        return {"as_of": {"day": answer.kept_day.day, "source": "kept", "taken_at": taken_at}}
    if as_of or at:
        return {"as_of": {**({"day": as_of} if as_of else {}), "source": "replay"}}
    return {}


@with_session("viewer")
def days(
    session: Session,
) -> None:
    """List the days whose numbers are kept and can be read by `show --as-of`.

    Example: kieng kpi days
    """
    answer = session.stub(KpiServiceStub).ListKeptDays(kpi_service_pb2.ListKeptDaysRequest())
    screen = session.screen
    now = datetime.now(UTC)
    document = {
        "days": [
            {
                "day": kept.day,
                "taken_at": kept.taken_at.ToDatetime(tzinfo=UTC).isoformat(),
                "view": view_json(kept.view, now),
            }
            for kept in answer.days
        ]
    }

    def show() -> Any:
        table = screen.table("day", "view", "position", "digest", "taken_at")
        for kept in answer.days:
            digest = kept.view.digest[:HASH_CHARACTERS]
            taken = time_text(kept.taken_at, screen.lang)
            table.add_row(kept.day, kept.view.view_id, position_text(kept.view), digest, taken)
        return table

    screen.answer(document, show)
