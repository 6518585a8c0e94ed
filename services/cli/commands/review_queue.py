"""`kieng review queue` and `export`: shows what waits for a decision, or writes it to a file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from services.cli.client.last_look import LastLook
from services.cli.commands.review_waiting import (
    DUE_DAYS,
    Filters,
    Role,
    Waiting,
    add_effects,
    read_waiting,
    try_decisions,
)
from services.cli.commands.submission_export import Below
from services.cli.completion_words import SUBMISSIONS
from services.cli.errors import USAGE, Failure
from services.cli.files import decision_file
from services.cli.files.destination import need_place
from services.cli.session import Session, with_session
from services.cli.terminal.effect_tables import in_short
from services.cli.terminal.render import iso_day_text, word_text
from services.cli.terminal.review_tables import queue_table, subject_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.submission_tables import title_of

RoleOption = Annotated[
    Role, typer.Option("--role", help="As approver of the institution, or reviewer of a unit.")
]
TypeOption = Annotated[str, typer.Option("--type", help="Only of this type, e.g. publication.")]
AgeOption = Annotated[
    int,
    typer.Option("--older-than", min=0, max=10_000, help="Only what has waited this many days."),
]
NewOption = Annotated[bool, typer.Option("--new", help="Only what was not shown before.")]
DaysOption = Annotated[
    int, typer.Option("--days", min=1, max=10_000, help="Days within which a decision is due.")
]
EffectOption = Annotated[
    bool, typer.Option("--effects/--no-effects", help="Try what each verification would change.")
]


def session_for(session: Session, filters: Filters) -> Session:
    """Return a session with the role in the filters, for the institution of the unit in them.

    An institution given by `--institution` takes precedence; see `Session.for_unit`.

    Raises:
        Failure: the unit must be wrong; the message says which one may be meant.
    """
    institution = session.for_unit(filters.unit).institution
    return session.acting_for(institution, filters.role)


def look_of(session: Session, filters: Filters) -> LastLook:
    """Return the record of what this reviewer has been shown in this role on this machine.

    It is empty if there is none; see `LastLook.of`.
    """
    return LastLook.of(
        session.data, f"{session.institution} {filters.role} {session.subject}".strip()
    )


def options_of(session: Session, filters: Filters) -> str:
    """Return the options for the user's next command about the same queue, with a blank in front.

    E.g. ` --institution vnu --role reviewer`. They name institution, subject, role, unit and type,
    as far as they were given; the result is empty if none was.
    """
    role = "" if filters.role is Role.approver else filters.role.value
    given = {"role": role, "unit": filters.unit, "type": filters.type_name}
    told = "".join(f" --{name} {shlex.quote(value)}" for name, value in given.items() if value)
    return session.options + told


@with_session("approver", institution="", subject=True)
def queue(
    session: Session,
    role: RoleOption = Role.approver,
    unit: Below = "",
    type_name: TypeOption = "",
    older_than: AgeOption = 0,
    only_new: NewOption = False,
    days: DaysOption = DUE_DAYS,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Maximum number of rows.")] = 20,
    effects: EffectOption = True,
) -> None:
    """List what waits for your decision, the oldest first, and what each would change.

    A star marks what was not listed here before.

    Example: kieng review queue --institution vnu --unit vnu/hus --type publication
    """
    filters = Filters(role, unit, type_name, older_than, only_new, days)
    session = session_for(session, filters)
    look = look_of(session, filters)
    found = read_waiting(session, filters, look)
    shown = found[:limit]
    try_decisions(session, role, shown)
    if effects:
        add_effects(session, shown)
    now = datetime.now(UTC)
    counts = {
        "waiting": len(found),
        "new": sum(each.is_new for each in found),
        "overdue": sum(each.is_overdue(now) for each in found),
    }
    document = {"role": role, **counts, "submissions": [each.document(now) for each in shown]}
    session.screen.answer(
        document, lambda: _shown(session.screen, counts, shown, now, options_of(session, filters))
    )
    pairs = ((each.submission.submission_id, each.submission.version) for each in shown)
    waiting = (each.submission.submission_id for each in found)
    look.see(pairs, waiting if filters.is_everything else None)
    look.save()
    session.remember(
        SUBMISSIONS,
        {each.submission.submission_id: each.submission.content.unit_id for each in shown},
    )


def _shown(
    screen: Screen,
    counts: Mapping[str, int],
    shown: Sequence[Waiting],
    now: datetime,
    options: str,
) -> RenderableType:
    if not counts["waiting"]:
        return screen.text("review.queue_empty")
    rows = [_row(screen, each, now) for each in shown]
    table = queue_table(screen, rows, screen.text("review.queue", **counts))
    parts: list[RenderableType] = [table]
    parts += sorted({each.refusal for each in shown if each.refusal})
    if more := counts["waiting"] - len(shown):
        parts.append(screen.text("review.queue_more", more=more))
    parts.append(screen.text("review.queue_next", options=options))
    return Group(*parts)


def _row(screen: Screen, item: Waiting, now: datetime) -> list[str]:
    content = item.submission.content
    mark = ("*" if item.is_new else "") + ("!" if item.refusal else "")
    due = iso_day_text(item.due_day, screen.lang)
    return [
        item.submission.submission_id,
        mark,
        subject_text(screen, content),
        word_text("type", content.facts.WhichOneof("kind") or "", screen.lang),
        content.unit_id,
        item.submission.submitted_by,
        str(item.days(now)),
        screen.text("review.overdue", due=due) if item.is_overdue(now) else due,
        in_short(screen, item.effects, content.unit_id),
    ]


@with_session("approver", institution="", subject=True)
def export(
    session: Session,
    to: Annotated[Path, typer.Option("--to", help="A .csv or .xlsx file.")] = Path(
        "decisions.xlsx"
    ),
    role: RoleOption = Role.approver,
    unit: Below = "",
    type_name: TypeOption = "",
    older_than: AgeOption = 0,
    only_new: NewOption = False,
    days: DaysOption = DUE_DAYS,
    effects: EffectOption = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write what waits into a file; fill in decision and reason, then `kieng review import` it.

    A row without a decision stays open. What you may not decide, e.g. your own, is left out.

    Example: kieng review export --to decisions.xlsx --institution vnu --unit vnu/hus
    """
    if to.suffix.lower() not in decision_file.SUFFIXES:
        raise Failure(f"{to}: a file of decisions is a .csv or .xlsx file", USAGE)
    need_place(to, replace=force)
    filters = Filters(role, unit, type_name, older_than, only_new, days)
    session = session_for(session, filters)
    found = read_waiting(session, filters, look_of(session, filters))
    try_decisions(session, role, found)
    mine = [each for each in found if not each.refusal]
    if effects:
        add_effects(session, mine)
    now = datetime.now(UTC)
    screen = session.screen
    rows = decision_file.write(to, screen.lang, [_file_row(screen, each, now) for each in mine])
    told = {"path": str(to), "rows": rows, "left_out": len(found) - rows}
    options = session.options
    screen.answer(told, lambda: screen.text("review.exported", options=options, **told))


def _file_row(screen: Screen, item: Waiting, now: datetime) -> dict[str, str]:
    submission = item.submission
    return {
        "title": title_of(submission.content),
        "type": submission.content.facts.WhichOneof("kind") or "",
        "unit_id": submission.content.unit_id,
        "submitted_by": submission.submitted_by,
        "waiting_days": str(item.days(now)),
        "due": item.due_day,
        "effect": in_short(screen, item.effects, submission.content.unit_id),
        "work_key": submission.work_key,
        "system": submission.source_record.system,
        "record_id": submission.source_record.record_id,
        "submission_id": submission.submission_id,
        "version": str(submission.version),
    }
