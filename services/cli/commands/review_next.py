"""`kieng review next`: shows waiting submissions one after another, and decides with a key."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from uuid_utils import uuid7

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import review_service_pb2 as api
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from services.cli.client.last_look import LastLook
from services.cli.client.troubles import CallFailed
from services.cli.commands.kpi import read_names
from services.cli.commands.review_queue import (
    DaysOption,
    RoleOption,
    TypeOption,
    look_of,
    options_of,
    session_for,
)
from services.cli.commands.review_waiting import (
    DUE_DAYS,
    Filters,
    Role,
    Waiting,
    add_effects,
    other_claims,
    read_waiting,
    try_decisions,
)
from services.cli.commands.submission_export import Below
from services.cli.errors import NO, USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal import review_page, submission_tables
from services.cli.terminal.effect_tables import effect_table, visible
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import iso_day_text, message_json, word_text
from services.cli.terminal.review_tables import claims_table, subject_text
from services.cli.terminal.screen import Output, Screen

DECISIONS = {
    "approve": api.DECISION_APPROVE,
    "verify": api.DECISION_VERIFY,
    "return": api.DECISION_RETURN,
    "reject": api.DECISION_REJECT,
}
Verdict = StrEnum("Verdict", ["verify", "approve", "return", "reject"])
KEYS = {
    Role.approver: {"v": "verify", "r": "return", "x": "reject", "s": "skip", "q": "quit"},
    Role.reviewer: {"a": "approve", "r": "return", "s": "skip", "q": "quit"},
}
"""Role -> key on the keyboard -> what it does."""
STAGES = ("before", "once_verified")
NEED_REASON = frozenset({"return", "reject"})


@with_session("approver", institution="", subject=True)
def review_next(
    session: Session,
    role: RoleOption = Role.approver,
    unit: Below = "",
    type_name: TypeOption = "",
    days: DaysOption = DUE_DAYS,
    decide: Annotated[
        Verdict | None, typer.Option("--decide", help="Decide about the next one without asking.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; the author sees it.")] = "",
) -> None:
    """Show the next submission that waits, with all you need to decide, and take a decision.

    Facts, proofs, other claims of the same work, and what each number becomes. On a terminal one
    key decides and shows the next one. Elsewhere one is shown, and --decide decides about it.

    Example: kieng review next --institution vnu --decide return --reason "no proof"
    """
    if decide in NEED_REASON and not reason.strip():
        raise Failure(f"--decide {decide} needs --reason: the author sees it", USAGE)
    filters = Filters(role, unit, type_name, days=days)
    session = session_for(session, filters)
    look = look_of(session, filters)
    queue = read_waiting(session, filters, look)
    if decide is not None:
        _decide_one(session, filters, look, queue, decide, reason)
    elif _is_interactive(session):
        _ask(session, filters, look, queue)
    else:
        _show_one(session, filters, look, queue)


def _is_interactive(session: Session) -> bool:
    screen = session.screen
    return not screen.is_json and screen.answers.is_terminal and sys.stdin.isatty()


def _open(session: Session, filters: Filters, queue: list[Waiting]) -> Iterator[Waiting]:
    """Yield the waiting submissions that the caller may decide on, tried one after another."""
    for item in queue:
        try_decisions(session, filters.role, [item])
        if not item.refusal:
            yield item


def _show_one(session: Session, filters: Filters, look: LastLook, queue: list[Waiting]) -> None:
    item = next(_open(session, filters, queue), None)
    screen = session.screen
    if item is None:
        screen.answer({"submission": None}, lambda: screen.text("review.queue_empty"))
        return
    document, shown = _whole(session, item, len(queue))
    screen.answer(
        document,
        lambda: Group(shown, screen.text("review.how", options=options_of(session, filters))),
    )
    _remember(look, item, is_open=True)


def _decide_one(
    session: Session,
    filters: Filters,
    look: LastLook,
    queue: list[Waiting],
    decide: str,
    reason: str,
) -> None:
    """Decide on the submission that was shown last; if there is none, on the first in the queue.

    Raises:
        Failure: nothing waits, or the submission that was shown has changed or left the queue.
    """
    screen = session.screen
    name, version = look.shown
    found = {each.submission.submission_id: each for each in queue}
    item = found.get(name) if name else next(_open(session, filters, queue), None)
    if name and (item is None or item.submission.version != version):
        look.shown = ("", 0)
        look.save()
        told = screen.text("review.moved_on", id=name, options=options_of(session, filters))
        raise Failure(told, NO)
    if item is None:
        raise Failure(screen.text("review.queue_empty"), NO)
    submission, is_repeat = _send(session, item, decide, reason)
    _remember(look, item, is_open=False)
    document = {"submission": message_json(submission), "unchanged": is_repeat}
    screen.answer(document, lambda: submission_tables.one(screen, submission))


def _ask(session: Session, filters: Filters, look: LastLook, queue: list[Waiting]) -> None:
    """Show submissions one by one and decide by keys, until the queue ends or the user quits."""
    screen = session.screen
    done = 0
    for item in _open(session, filters, queue):
        _, shown = _whole(session, item, len(queue) - done)
        screen.show(shown)
        _remember(look, item, is_open=False)
        choice = _key(session, filters.role)
        if choice == "quit":
            break
        if choice != "skip":
            reason = typer.prompt(screen.text("review.reason")) if choice in NEED_REASON else ""
            try:
                submission, _ = _send(session, item, choice, reason)
            except CallFailed as failure:
                # A refusal, e.g. because a colleague was faster, does not end the round.
                screen.messages.print(failure.told_in(screen.lang), style="bold red")
                continue
            done += 1
            state = screen.text(f"state.{submission_tables.state_text(submission)}")
            screen.say("review.decided_one", id=submission.submission_id, state=state)
    screen.say("review.round", done=done, left=len(queue) - done)


def _key(session: Session, role: Role) -> str:
    keys = KEYS[role]
    said = "   ".join(f"[{k}] {session.screen.text(f'review_key.{n}')}" for k, n in keys.items())
    session.screen.messages.print(said, style="bold")
    while True:
        pressed = typer.getchar().lower()
        if pressed in ("\x03", "\x04"):
            return "quit"
        if pressed in keys:
            return keys[pressed]


def _send(session: Session, item: Waiting, decide: str, reason: str) -> tuple[Any, bool]:
    request = api.DecideSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=item.submission.submission_id,
        version=item.submission.version,
        decision=DECISIONS[decide],
        reason=reason,
    )
    answer = session.stub(ReviewServiceStub).DecideSubmission(request)
    return answer.submission, answer.unchanged


def _remember(look: LastLook, item: Waiting, *, is_open: bool) -> None:
    shown = (item.submission.submission_id, item.submission.version)
    look.see([shown])
    look.shown = shown if is_open else ("", 0)
    look.save()


def _whole(session: Session, item: Waiting, waiting: int) -> tuple[dict[str, Any], RenderableType]:
    """Return one submission with other claims and effects, as JSON and as tables."""
    add_effects(session, [item])
    names = read_names(session)
    # A service with a live view has indicators.
    claims = other_claims(session, item, next(iter(names.indicators)))
    screen, now = session.screen, datetime.now(UTC)
    document = {
        "waiting": waiting,
        "submission": item.document(now),
        "other_claims": [message_json(each) for each in claims],
    }
    if screen.is_json:
        return document, ""
    content = item.submission.content
    kind = word_text("type", content.facts.WhichOneof("kind") or "", screen.lang)
    title = f"{kind}: {subject_text(screen, content)}"
    told = {
        "days": item.days(now),
        "due": iso_day_text(item.due_day, screen.lang),
        "waiting": waiting,
    }
    parts: list[RenderableType] = [title, screen.text("review.since", **told)]
    if screen.output is Output.table:
        return document, Group(*parts, *_page(screen, names, item, claims))
    parts.append(submission_tables.one(screen, item.submission))
    parts.append(claims_table(screen, claims) if claims else screen.text("review.no_other_claims"))
    parts.append(_effects(screen, names, item.effects))
    return document, Group(*parts)


def _page(
    screen: Screen, names: Names, item: Waiting, claims: list[kpi_service_pb2.ExplainedClaim]
) -> Iterator[str]:
    yield from review_page.fact_lines(screen, item.submission)
    yield from review_page.about_lines(screen, item.submission)
    yield from review_page.claim_lines(screen, claims)
    effects = visible(screen, names, item.effects, STAGES)
    if effects:
        yield from review_page.effect_lines(screen, names, effects)
    else:
        yield screen.text("import.effect_none")


def _effects(screen: Screen, names: Names, effects: list[kpi_service_pb2.Effect]) -> RenderableType:
    effects = visible(screen, names, effects, STAGES)
    if not effects:
        return screen.text("import.effect_none")
    title = screen.text("review.effect")
    return effect_table(screen, names, effects, title, STAGES)
