"""Renders submissions: one with all that a reviewer has to see, or many in a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import submission_pb2
from services.cli.terminal.render import (
    day_text,
    enum_text,
    iso_day_text,
    number_text,
    time_text,
    word_text,
)
from services.cli.terminal.screen import Screen
from services.cli.terminal.tables import WholeTable
from services.importing.shares import percentage

Pairs = dict[str, str]
SHARE = "share_ppm"
UNDECIDED = (submission_pb2.STATE_DRAFT, submission_pb2.STATE_SUBMITTED)
TITLES = ("title", "name", "topic", "partner", "number", "code", "decision_no")
"""Facts that name a work for people, in the order in which they are tried."""


def state_text(submission: submission_pb2.Submission) -> str:
    """Return the state of a submission in the form that commands accept, e.g. `verified`."""
    return enum_text(submission_pb2.State.Name(submission.state), "STATE_")


def one(screen: Screen, submission: submission_pb2.Submission) -> WholeTable:
    """Return a table of a submission with all its facts and proofs, one field per row.

    If the content that was verified differs from the present one, it has its own column.
    """
    claimed = content_pairs(screen, submission.content)
    differs = submission.HasField("verified_content") and (
        submission.verified_content != submission.content
    )
    verified = content_pairs(screen, submission.verified_content) if differs else {}
    table = screen.table("field", "value", *(["verified"] if differs else []))
    for name, value in _head(screen, submission).items():
        table.add_row(screen.text(f"heading.{name}"), value)
    table.add_section()
    for name in dict.fromkeys([*claimed, *verified]):
        cells = [claimed.get(name, ""), *([verified.get(name, "")] if differs else [])]
        table.add_row(label_of(screen, name), *cells)
    return table


def _head(screen: Screen, submission: submission_pb2.Submission) -> Pairs:
    record = submission.source_record
    pairs = {
        "submission_id": submission.submission_id,
        "title": title_of(submission.content),
        "state": screen.text(f"state.{state_text(submission)}"),
        # Until the present version is decided, the reason is that of an earlier one.
        "earlier_reason" if submission.state in UNDECIDED else "reason": submission.reason,
        "version": str(submission.version),
        "work_key": submission.work_key,
        "verified_work_key": submission.verified_work_key,
        "source_record": f"{record.system} {record.record_id}".strip(),
        "submitted_by": submission.submitted_by,
        "edited_by": submission.edited_by,
        "decided_by": submission.decided_by,
        "created_at": time_text(submission.created_at, screen.lang),
        "updated_at": time_text(submission.updated_at, screen.lang),
    }
    return {name: value for name, value in pairs.items() if value}


def label_of(screen: Screen, name: str) -> str:
    """Return what people call a key of `content_pairs`, e.g. `Date of issue` for `issued_on`."""
    word, _, number = name.rpartition(".")[2].partition(" ")
    if number:
        return f"{screen.text('heading.evidence')} {number}"
    return word_text("fact", word, screen.lang)


def content_pairs(screen: Screen, content: submission_pb2.Content) -> Pairs:
    """Return name -> text of the fields that are set in the content of a submission.

    These are its claim, its facts, and as `evidence 1` etc. its proofs. A fact with the name of a
    field of the claim is preceded by the type, e.g. `publication.source`.
    """
    kind = content.facts.WhichOneof("kind") or ""
    pairs = {"unit_id": content.unit_id, "type": word_text("type", kind, screen.lang)}
    for field in ("part", "share_ppm", "source"):
        described = content.DESCRIPTOR.fields_by_name[field]
        if value := getattr(content, field):
            pairs[field] = _text(screen, described, value)
    if kind:
        for fact, value in getattr(content.facts, kind).ListFields():
            name = f"{kind}.{fact.name}" if fact.name in pairs else fact.name
            pairs[name] = _text(screen, fact, value)
    for number, proof in enumerate(content.evidence, start=1):
        pairs[f"evidence {number}"] = "\n".join(filter(None, _proof_lines(proof)))
    return pairs


def _proof_lines(proof: submission_pb2.Evidence) -> Iterator[str]:
    yield proof.title
    yield proof.uri
    yield proof.sha256


def _text(screen: Screen, field: FieldDescriptor, value: Any) -> str:
    if field.is_repeated:
        return "; ".join(_single(screen, field, each) for each in value)
    return _single(screen, field, value)


def _single(screen: Screen, field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
        name = enum_text(field.enum_type.values_by_number[value].name, prefix)
        return word_text("value", name, screen.lang)
    if isinstance(value, bool):
        return word_text("value", str(value).lower(), screen.lang)
    if field.name.endswith("_on"):
        return iso_day_text(str(value), screen.lang)
    if field.name == SHARE:
        return f"{percentage(value, screen.lang.value)}%"
    if field.name.endswith("_vnd"):
        return number_text(int(value), screen.lang)
    return str(value)


def title_of(content: submission_pb2.Content) -> str:
    """Return the title of the work that a content describes, or else its name or number.

    Empty if its facts have none of `TITLES`.
    """
    facts = getattr(content.facts, content.facts.WhichOneof("kind") or "", None)
    found = (getattr(facts, name, "") for name in TITLES)
    return next((text for text in found if text), "")


def day_of(content: submission_pb2.Content) -> str:
    """Return the first day in the facts of a submission, `YYYY-MM-DD`; empty if none is set."""
    if (kind := content.facts.WhichOneof("kind")) is None:
        return ""
    named = getattr(content.facts, kind).ListFields()
    return next((value for field, value in named if field.name.endswith("_on")), "")


def history(screen: Screen, submission: submission_pb2.Submission) -> WholeTable:
    """Return a table with one row per change of a submission, oldest first."""
    title = f"{submission.submission_id}  {title_of(submission.content)}"
    table = screen.table("at", "action", "by_whom", "reason", ">version", title=title)
    for entry in submission.history:
        action = enum_text(submission_pb2.Action.Name(entry.action), "ACTION_")
        table.add_row(
            time_text(entry.at, screen.lang),
            screen.text(f"action.{action}"),
            entry.subject,
            entry.reason,
            str(entry.version),
        )
    return table


def many(screen: Screen, found: list[submission_pb2.Submission]) -> WholeTable:
    """Return a table with one row per submission; returned and rejected ones show the reason."""
    table = screen.table(
        "submission_id",
        "title",
        "state",
        "type",
        "unit_id",
        "record",
        "happened_on",
        ">evidence",
        "submitted_by",
        "updated_on",
    )
    for submission in found:
        content, record = submission.content, submission.source_record
        table.add_row(
            submission.submission_id,
            title_of(content),
            _state_and_reason(screen, submission),
            word_text("type", content.facts.WhichOneof("kind") or "", screen.lang),
            content.unit_id,
            f"{record.system} {record.record_id}".strip(),
            iso_day_text(day_of(content), screen.lang),
            number_text(len(content.evidence), screen.lang),
            submission.submitted_by or submission.edited_by,
            day_text(submission.updated_at, screen.lang),
        )
    return table


def _state_and_reason(screen: Screen, submission: submission_pb2.Submission) -> str:
    state = screen.text(f"state.{state_text(submission)}")
    is_refused = submission.state in (submission_pb2.STATE_RETURNED, submission_pb2.STATE_REJECTED)
    return f"{state}: {submission.reason}" if is_refused and submission.reason else state
