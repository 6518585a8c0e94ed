"""`kieng submission list`: lists the submissions of an institution that match some filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.commands.submission_export import Below, States, every, read_state
from services.cli.completion_words import SUBMISSIONS
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal import submission_tables
from services.cli.terminal.render import message_json, number_text
from services.cli.terminal.submission_tables import day_of, state_text, title_of

SORTED_MAX = 10_000
"""Maximum number of submissions that are read in order to sort them."""


class Order(StrEnum):
    """What a list of submissions is sorted by; `created` is the order of their ids."""

    created = "created"
    changed = "changed"
    by_title = "title"
    unit = "unit"
    state = "state"
    date = "date"


KEYS: dict[Order, Callable[[submission_pb2.Submission], Any]] = {
    # The latest change comes first.
    Order.changed: lambda each: -each.updated_at.ToNanoseconds(),
    Order.by_title: lambda each: title_of(each.content).casefold(),
    Order.unit: lambda each: each.content.unit_id,
    Order.state: lambda each: (each.state, state_text(each)),
    Order.date: lambda each: day_of(each.content),
}
"""Order -> sort key of a submission; `created` needs none, as ids are in the order of creation."""


@with_session("auditor", institution="", subject=True)
def list_submissions(
    session: Session,
    unit: Below = "",
    state: States = [],  # noqa: B006
    type_name: Annotated[str, typer.Option("--type", help="Only of this type.")] = "",
    record: Annotated[str, typer.Option(help="Only of the record with this id.")] = "",
    work: Annotated[str, typer.Option(help="Only of the work with this key.")] = "",
    since: Annotated[
        str, typer.Option(metavar="DAY", help="Only changed on this day or later.")
    ] = "",
    mine: Annotated[
        bool, typer.Option("--mine", help="Only those that you wrote last (see --subject).")
    ] = False,
    sort: Annotated[Order, typer.Option(help="Order of the list.")] = Order.created,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Maximum number of rows.")] = 100,
) -> None:
    """List submissions of an institution.

    Example: kieng submission list --institution vnu --state returned --sort changed
    """
    request = api.ListSubmissionsRequest(
        unit_id=unit,
        type=type_name,
        states=map(read_state, state),
        record_id=record,
        work_key=work,
        mine=mine,
    )
    if since:
        request.changed_since.FromDatetime(start_of(since))
    session = session.for_unit(unit)
    if mine:
        # Subjects of the local issuer are named after a role; this is the one that writes.
        session = session.acting_for(session.institution, "contributor")
    rows = every(session.stub(SubmissionServiceStub), request)
    found, more = _first(rows, limit) if sort is Order.created else _sorted(rows, sort, limit)
    screen = session.screen

    def show() -> RenderableType:
        table = submission_tables.many(screen, found)
        if not more:
            return Group(table, screen.text("list.all", rows=number_text(len(found), screen.lang)))
        told = screen.text("list.more", rows=number_text(len(found), screen.lang), next=limit * 10)
        return Group(table, told)

    document = {"submissions": [message_json(each) for each in found], "more": more}
    session.remember(
        SUBMISSIONS, {each.submission_id: each.content.unit_id for each in reversed(found)}
    )
    screen.answer(document, show)


def start_of(day: str) -> datetime:
    """Return the beginning of a day in the local time zone.

    ``day`` is written as 2025-03-31 or 31/03/2025.

    Raises:
        Failure: the text is not a day.
    """
    text = "-".join(reversed(day.split("/"))) if "/" in day else day
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time()).astimezone()
    except ValueError:
        raise Failure(f"--since {day!r}: write a day, e.g. 2025-03-31", USAGE) from None


def _first(
    rows: Iterator[submission_pb2.Submission], limit: int
) -> tuple[list[submission_pb2.Submission], bool]:
    """Return at most ``limit`` rows, and whether there are more."""
    found = [each for _, each in zip(range(limit + 1), rows, strict=False)]
    return found[:limit], len(found) > limit


def _sorted(
    rows: Iterator[submission_pb2.Submission], order: Order, limit: int
) -> tuple[list[submission_pb2.Submission], bool]:
    """Return at most ``limit`` rows in an order, and whether there are more.

    Raises:
        Failure: there are more than `SORTED_MAX` rows to sort.
    """
    found, more = _first(rows, SORTED_MAX)
    if more:
        raise Failure(f"more than {SORTED_MAX:,} to sort; choose fewer with --unit, --state ...")
    return sorted(found, key=KEYS[order])[:limit], len(found) > limit
