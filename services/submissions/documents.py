"""The MongoDB document of a submission: its fields and indexes, how it is encoded and decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import mongoengine as me

from services.kernel.publisher import Event
from services.submissions.domain.submission import (
    Asked,
    AuditEntry,
    Content,
    SourceRecord,
    State,
    Submission,
    ancestors,
)
from services.submissions.events import TOPIC, source_of


class SubmissionDocument(me.Document):
    """The fields and indexes of a stored submission.

    `store` writes it only by updates that check which version is stored.

    ``names`` holds strings that no two submissions may share: its source record and the ids of
    the requests that created and changed it. They share one unique index, because each further
    index slows down writes, and some databases compatible with MongoDB lack partial indexes.
    """

    submission_id = me.StringField(primary_key=True)
    version = me.LongField(required=True)
    state = me.IntField(required=True)
    institution_id = me.StringField(required=True)
    units = me.ListField(me.StringField())
    type = me.StringField()
    work_key = me.StringField(required=True)
    likeness = me.StringField()
    former_keys = me.ListField(me.StringField())
    content = me.DictField()
    verified = me.DictField()
    verified_at = me.DateTimeField()
    source_system = me.StringField()
    source_record_id = me.StringField()
    names = me.ListField(me.StringField(), required=True)
    submitted_by = me.StringField()
    edited_by = me.StringField()
    approved_by = me.StringField()
    decided_by = me.StringField()
    reason = me.StringField()
    created_at = me.DateTimeField()
    updated_at = me.DateTimeField()
    audit = me.ListField(me.DictField())
    asked = me.ListField(me.DictField())
    outbox = me.ListField(me.DictField())
    outbox_pending = me.BooleanField()

    meta = {
        "collection": "submissions",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["names"], "unique": True, "name": "by_name"},
            {"fields": ["outbox_pending"], "name": "by_outbox"},
            {"fields": ["units", "submission_id"], "name": "by_unit"},
            {"fields": ["likeness"], "name": "by_likeness"},
            {"fields": ["work_key", "submission_id"], "name": "by_work"},
        ],
    }


@dataclass(frozen=True, slots=True)
class Loaded:
    """A submission as read; ``pending`` is the number of unpublished events in its document."""

    submission: Submission
    pending: int
    document: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The document as stored, which may have fields that only a newer release knows."""


@dataclass(frozen=True, slots=True)
class Write:
    """A planned write: the version that was read, the next version and the events of that.

    ``before`` is None for a new submission.
    """

    before: Loaded | None
    after: Submission
    events: Sequence[Event] = field(default_factory=tuple)


def source_name(source: SourceRecord) -> str:
    """Return the entry of `SubmissionDocument.names` that reserves a source record.

    For record `17` of the system `erp` it is `source/erp/17`.
    """
    return f"source/{source.system}/{source.record_id}"


def request_name(request_id: str) -> str:
    """Return the entry of `SubmissionDocument.names` that reserves a request id."""
    return f"request/{request_id}"


def encode_fields(submission: Submission) -> dict[str, Any]:
    """Return field name -> value for all fields that a change replaces.

    The lists that only grow (audit, requests, names, outbox) are not among them.
    """
    verified = submission.verified
    return {
        "version": submission.version,
        "state": submission.state.value,
        "units": list(ancestors(submission.content.unit_id)),
        "type": submission.content.type,
        "work_key": submission.content.work_key,
        "likeness": submission.content.likeness,
        "former_keys": sorted(submission.former_keys),
        "content": _fields(submission.content),
        "verified": _fields(verified) if verified else None,
        "verified_at": submission.verified_at,
        "submitted_by": submission.submitted_by,
        "edited_by": submission.edited_by,
        "approved_by": submission.approved_by,
        "decided_by": submission.decided_by,
        "reason": submission.reason,
        "updated_at": submission.updated_at,
    }


def encode_new(write: Write, events: Sequence[Event]) -> dict[str, Any]:
    """Return the document of a new submission.

    Args:
        write: write of the submission; its events are not used.
        events: events to store in the document's outbox; may be empty.
    """
    submission = write.after
    source = submission.source
    # A request id that the service made is unique without an index (ADR 0044).
    names = [request_name(asked.request_id) for asked in submission.asked]
    names += [source_name(source)] if source else []
    return {
        "_id": submission.submission_id,
        "institution_id": submission.institution_id,
        "source_system": source.system if source else None,
        "source_record_id": source.record_id if source else None,
        "names": names or [f"id/{submission.submission_id}"],
        "created_at": submission.created_at,
        "audit": [_fields(entry) for entry in submission.audit],
        "asked": [_fields(asked) for asked in submission.asked],
        "outbox": encode_outbox(events),
        "outbox_pending": bool(events),
        **encode_fields(submission),
    }


def encode_change(write: Write) -> dict[str, Any]:
    """Return the MongoDB update that stores a change, its audit entry and its events at once.

    It does not check the stored version; the filter of the update has to.
    """
    fields = encode_fields(write.after)
    pushes: dict[str, Any] = {"audit": _fields(write.after.audit[-1])}
    for asked in _newly_asked(write):
        pushes |= {"asked": _fields(asked), "names": request_name(asked.request_id)}
    if write.events:
        fields["outbox_pending"] = True
        pushes["outbox"] = {"$each": encode_outbox(write.events)}
    return {"$set": fields, "$push": pushes}


def encode_next(write: Write) -> dict[str, Any]:
    """Return the document of the next version of a submission, without the events of the write.

    The outbox and fields that only a newer release knows are those of the stored document.
    """
    assert write.before is not None
    before, asked = write.before.document, _newly_asked(write)
    return {
        **before,
        **encode_fields(write.after),
        "audit": [*before["audit"], _fields(write.after.audit[-1])],
        "asked": [*before.get("asked", ()), *map(_fields, asked)],
        "names": [*before["names"], *(request_name(each.request_id) for each in asked)],
    }


def _fields(value: Any) -> dict[str, Any]:
    """Return name -> value of a dataclass without nested ones; `asdict` would copy each value."""
    return {name: getattr(value, name) for name in value.__slots__}


def _newly_asked(write: Write) -> Sequence[Asked]:
    asked_before = write.before.submission.asked if write.before else ()
    return write.after.asked[len(asked_before) :]


def decode(document: dict[str, Any]) -> Loaded:
    """Return the submission in a stored document, with its number of unpublished events.

    Fields that documents of earlier releases lack get their defaults.
    """
    verified = document["verified"]
    source = document["source_system"]
    audit = tuple(AuditEntry(**entry) for entry in document["audit"])
    submission = Submission(
        submission_id=document["_id"],
        version=document["version"],
        institution_id=document["institution_id"],
        state=State(document["state"]),
        content=_content(document["content"]),
        verified=_content(verified) if verified else None,
        source=SourceRecord(source, document["source_record_id"]) if source else None,
        submitted_by=document["submitted_by"],
        edited_by=document["edited_by"],
        approved_by=document["approved_by"],
        decided_by=document["decided_by"],
        reason=document["reason"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        audit=audit,
        # Documents of the first release lack it.
        former_keys=frozenset(document.get("former_keys", ())),
        # Documents of releases before 0.4 lack it.
        asked=tuple(Asked(**asked) for asked in document.get("asked", ())),
        verified_at=_verified_at(document, audit),
    )
    return Loaded(submission, len(document["outbox"]), document)


def _verified_at(document: dict[str, Any], audit: Sequence[AuditEntry]) -> datetime | None:
    """Return when the verified work was first verified; None if nothing is verified.

    Documents of earlier releases lack the field. Then it is the first verification in the audit
    trail, or the last one if the submission was about several works.
    """
    if not document["verified"] or "verified_at" in document:
        return document.get("verified_at")
    began = [entry.at for entry in audit if entry.action == "verify"]
    return began[-1 if document.get("former_keys") else 0]


def encode_outbox(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the outbox entries of events, as stored until the relay has published them."""
    return [
        {
            "id": event.event_id,
            "key": event.key,
            "type": event.type,
            "value": event.value,
            "time": event.time,
            "traceparent": event.traceparent,
        }
        for event in events
    ]


def decode_outbox(document: dict[str, Any]) -> list[Event]:
    """Return the unpublished events of a document, oldest first; empty if all are published."""
    return [
        Event(
            event_id=entry["id"],
            topic=TOPIC,
            key=entry["key"],
            type=entry["type"],
            source=source_of(document["institution_id"]),
            value=bytes(entry["value"]),
            time=entry["time"],
            traceparent=entry["traceparent"],
        )
        for entry in document["outbox"]
    ]


def waiting(documents: Iterable[dict[str, Any]]) -> list[Event]:
    """Return the unpublished events of documents, document by document, each oldest first."""
    return [event for document in documents for event in decode_outbox(document)]


def _content(document: dict[str, Any]) -> Content:
    return Content(
        encoded=document["encoded"],
        unit_id=document["unit_id"],
        type=document["type"],
        work_key=document["work_key"],
        evidence_count=document["evidence_count"],
        # Documents of releases before 0.6 lack it.
        likeness=document.get("likeness", ""),
    )
