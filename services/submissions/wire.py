"""Converts between the protobuf messages of submissions and the objects of the domain."""

from __future__ import annotations

import hashlib
from datetime import datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1 import submission_pb2
from services.submissions.domain.submission import Content, SourceRecord, Submission
from services.submissions.likeness import likeness
from services.submissions.work_keys import fact_type, work_key


def request_sha256(request: Message) -> str:
    """Return the SHA-256 of a request's type and content in lower-case hex, without unknown fields.

    It detects that a request id is used for a second, different request. Every method has its own
    request type, so the digest differs between methods as well.
    """
    known = type(request).FromString(request.SerializeToString())
    known.DiscardUnknownFields()
    named = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(named + b"\0" + known.SerializeToString(deterministic=True)).hexdigest()


def decode_content(message: submission_pb2.Content, submission_id: str) -> Content:
    """Return the domain object of a validated content message whose partner is resolved.

    Args:
        message: the content in canonical form.
        submission_id: becomes part of the work key if the content has no identifier of the work.
    """
    return Content(
        encoded=message.SerializeToString(deterministic=True),
        unit_id=message.unit_id,
        type=fact_type(message.facts),
        work_key=work_key(message.facts, submission_id),
        evidence_count=len(message.evidence),
        likeness=likeness(message.facts),
    )


def encode_content(content: Content) -> submission_pb2.Content:
    """Return the content of a submission as a protobuf message; later changes do not affect it."""
    return submission_pb2.Content.FromString(content.encoded)


def decode_source(message: submission_pb2.SourceRecord) -> SourceRecord:
    """Return the domain object of a source record, i.e. of the id of a record in another system."""
    return SourceRecord(message.system, message.record_id)


def encode_submission(submission: Submission) -> submission_pb2.Submission:
    """Return a submission as a protobuf message, including personal fields, without its history.

    Fields that do not apply are unset, e.g. the verified content while nothing is verified.
    """
    message = submission_pb2.Submission(
        submission_id=submission.submission_id,
        version=submission.version,
        institution_id=submission.institution_id,
        state=submission_pb2.State.ValueType(submission.state.value),
        work_key=submission.content.work_key,
        content=encode_content(submission.content),
        submitted_by=submission.submitted_by,
        edited_by=submission.edited_by,
        decided_by=submission.decided_by,
        reason=submission.reason,
        created_at=encode_time(submission.created_at),
        updated_at=encode_time(submission.updated_at),
    )
    if submission.verified:
        message.verified_content.CopyFrom(encode_content(submission.verified))
        message.verified_work_key = submission.verified.work_key
    if submission.source:
        message.source_record.system = submission.source.system
        message.source_record.record_id = submission.source.record_id
    return message


def encode_history(submission: Submission) -> list[submission_pb2.HistoryEntry]:
    """Return the changes of a submission as messages, oldest first, with personal fields."""
    return [
        submission_pb2.HistoryEntry(
            version=entry.version,
            at=encode_time(entry.at),
            action=submission_pb2.Action.Value(f"ACTION_{entry.action.upper()}"),
            subject=entry.subject,
            reason=entry.reason,
        )
        for entry in submission.audit
    ]


def encode_time(moment: datetime) -> Timestamp:
    """Return a time as a protobuf timestamp; it must have a time zone."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
