"""Builds the events of topic `kieng.submissions.v1`: claims of a version, without personal data."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.access.v1 import access_pb2
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.calendar import day_in_vietnam
from services.kernel.publisher import Event
from services.submissions import wire
from services.submissions.domain import people
from services.submissions.domain.claims import Notice, notices
from services.submissions.domain.submission import Content, State, Submission

TOPIC = "kieng.submissions.v1"
CHANGED = events_pb2.SubmissionChanged.DESCRIPTOR.full_name
REPUBLISHED = events_pb2.LogRepublished.DESCRIPTOR.full_name


def source_of(institution_id: str) -> str:
    """Return the CloudEvents attribute `source` of an institution's events.

    It is `kieng/submissions/vnu` for the institution `vnu`.
    """
    return f"kieng/submissions/{institution_id}"


def events_of(
    previous: Submission | None, submission: Submission, traceparent: str = ""
) -> list[Event]:
    """Return the events of a new version, one per work that it concerns, in order of publication.

    A submission that was never submitted has no events.

    Args:
        previous: the version before; if None, the events repeat the whole current state, e.g. for a
            republished log.
        submission: the new version.
        traceparent: W3C trace context of the call that made it; empty if unknown.
    """
    return [_event(notice, submission, traceparent) for notice in notices(previous, submission)]


def repairing_events(submission: Submission, traceparent: str = "") -> list[Event]:
    """Return the events that publish the whole current state of a submission again.

    No event is marked as primary, so the notifications service sends nothing. A submission that was
    never submitted has no events.
    """
    whole = notices(None, submission)
    return [_event(replace(n, is_primary=False), submission, traceparent) for n in whole]


def _event(notice: Notice, submission: Submission, traceparent: str) -> Event:
    declared = encode_claim(notice.declared) if notice.declared else None
    # What was just verified is what is declared.
    is_same = notice.verified == notice.declared
    verified = encode_claim(notice.verified) if notice.verified and not is_same else None
    message = events_pb2.SubmissionChanged(
        submission_id=submission.submission_id,
        version=submission.version,
        institution_id=submission.institution_id,
        work_key=notice.work_key,
        state=submission_pb2.State.ValueType(submission.state.value),
        declared=declared,
        verified=declared if is_same else verified,
        submitted_by=submission.submitted_by,
        changed_at=wire.encode_time(submission.updated_at),
        primary=notice.is_primary,
        reported_on=day_in_vietnam(submission.handed_in_at).isoformat(),
        verified_at=_verified_at(notice, submission),
    )
    if notice.is_primary and submission.state is State.WITHDRAWN:
        message.authors_to_notify.extend(people.authors_to_notify(submission))
    return Event(
        event_id=f"{submission.submission_id}:{submission.version}:{notice.work_key}",
        topic=TOPIC,
        key=notice.work_key,
        type=CHANGED,
        source=source_of(submission.institution_id),
        value=message.SerializeToString(deterministic=True),
        time=submission.updated_at,
        traceparent=traceparent,
    )


def _verified_at(notice: Notice, submission: Submission) -> Timestamp | None:
    """Return when the verified claim of a notice was first verified; None if it has none."""
    if notice.verified is None or submission.verified_at is None:
        return None
    return wire.encode_time(submission.verified_at)


def encode_claim(content: Content) -> events_pb2.Claim:
    """Return a content as a claim to publish: without personal fields and names of proofs.

    A proof is represented by its SHA-256 only.
    """
    message = wire.encode_content(content)
    without_personal(message.facts)
    return events_pb2.Claim(
        unit_id=message.unit_id,
        part=message.part,
        share_ppm=message.share_ppm,
        source=message.source,
        facts=message.facts,
        evidence_sha256=[proof.sha256 for proof in message.evidence],
    )


def without_personal(message: Message) -> None:
    """Clear every field that the contract marks as personal, also in nested messages.

    The message is modified in place.
    """
    for name in personal_fields(message.DESCRIPTOR):
        message.ClearField(name)
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in _messages(value):
                without_personal(inner)


@lru_cache
def personal_fields(descriptor: Descriptor) -> tuple[str, ...]:
    """Return the names of the fields marked as personal; those of nested messages not included."""
    return tuple(
        field.name
        for field in descriptor.fields
        if field.GetOptions().Extensions[access_pb2.personal]
    )


def _messages(value: Any) -> list[Message]:
    if isinstance(value, Message):
        return [value]
    entries = value.values() if hasattr(value, "values") else value
    return [entry for entry in entries if isinstance(entry, Message)]
