"""Converts between protobuf and domain: consumed events, notifications and subscriptions."""

from __future__ import annotations

import hashlib

from google.protobuf.message import DecodeError

from kieng.kpi.v1 import events_pb2 as kpi_events_pb2
from kieng.notifications.v1 import events_pb2, notification_pb2
from kieng.proposals.v1 import events_pb2 as proposal_events_pb2
from kieng.proposals.v1 import proposal_pb2
from kieng.submissions.v1 import events_pb2 as submission_events_pb2
from kieng.submissions.v1 import submission_pb2
from services.kernel.errors import InvalidRecord
from services.kernel.kafka import Record, event_type
from services.notifications.contradictions import Claimant, Contradicted
from services.notifications.domain import (
    Decided,
    Kind,
    Notification,
    Proposed,
    Reached,
    Recipient,
    Subscription,
)
from services.notifications.texts import render
from services.texts import Lang

SUBMISSION_CHANGED = submission_events_pb2.SubmissionChanged.DESCRIPTOR.full_name
TARGET_REACHED = kpi_events_pb2.TargetReached.DESCRIPTOR.full_name
WORK_CONTRADICTED = kpi_events_pb2.WorkContradicted.DESCRIPTOR.full_name
PROPOSAL_CHANGED = proposal_events_pb2.ProposalChanged.DESCRIPTOR.full_name

TOLD_STATES = {
    submission_pb2.STATE_RETURNED: Kind.SUBMISSION_RETURNED,
    submission_pb2.STATE_VERIFIED: Kind.SUBMISSION_VERIFIED,
    submission_pb2.STATE_REJECTED: Kind.SUBMISSION_REJECTED,
    submission_pb2.STATE_WITHDRAWN: Kind.SUBMISSION_WITHDRAWN,
}
# Type of facts -> field that names the work. Names of persons are personal and never sent.
TITLE_FIELDS = {
    **dict.fromkeys(("publication", "ip_right", "product", "joint_project"), "title"),
    **dict.fromkeys(("programme", "event", "task", "impact_story"), "title"),
    **dict.fromkeys(("investment",), "number"),
    "recognition": "decision_no",
    **dict.fromkeys(("enterprise", "institute"), "name"),
    **dict.fromkeys(("transfer_contract", "receipt", "rd_funding"), "number"),
    **dict.fromkeys(("policy_contract", "agreement"), "number"),
    "facility": "code",
    "training": "topic",
}
Heard = Decided | Reached | Proposed | Contradicted
"""The decoded events that may cause notices."""
_LANGUAGES = {notification_pb2.LANGUAGE_VI: Lang.vi, notification_pb2.LANGUAGE_EN: Lang.en}


def is_listened_to(record: Record) -> bool:
    """Return True if events of a record's type can cause notifications.

    Only the header with the type is read; see `decode_record` for the value.

    Raises:
        InvalidRecord: the producer wrote the record without a usable event type.
    """
    heard = (SUBMISSION_CHANGED, TARGET_REACHED, WORK_CONTRADICTED, PROPOSAL_CHANGED)
    return event_type(record) in heard


def decode_record(record: Record) -> Heard | None:
    """Return the decoded event of a record; None if this event causes no notification.

    The type of the record must be one for which `is_listened_to` returns True.

    Raises:
        InvalidRecord: the producer wrote a value that is not a complete message of the type.
    """
    try:
        if event_type(record) == TARGET_REACHED:
            return decode_reached(kpi_events_pb2.TargetReached.FromString(record.value or b""))
        if event_type(record) == WORK_CONTRADICTED:
            value = record.value or b""
            return decode_contradicted(kpi_events_pb2.WorkContradicted.FromString(value))
        if event_type(record) == PROPOSAL_CHANGED:
            value = record.value or b""
            return decode_proposed(proposal_events_pb2.ProposalChanged.FromString(value))
        changed = submission_events_pb2.SubmissionChanged.FromString(record.value or b"")
        return decode_changed(changed)
    except (DecodeError, ValueError) as error:
        raise InvalidRecord(f"cannot be decoded: {error}", offset=record.offset) from error


def decode_changed(changed: submission_events_pb2.SubmissionChanged) -> Decided | None:
    """Return the decision or withdrawal that an event reports to the authors of a submission.

    Return None if it reports neither, has no author to notify, or is not the primary event of its
    version.

    Raises:
        ValueError: the message lacks the submission's id, institution or version.
    """
    if not changed.submission_id or not changed.institution_id or not changed.version:
        raise ValueError("no submission_id, institution_id or version")
    kind = TOLD_STATES.get(changed.state)
    told = (
        changed.authors_to_notify if kind is Kind.SUBMISSION_WITHDRAWN else [changed.submitted_by]
    )
    recipients = tuple(Recipient(changed.institution_id, each) for each in told if each)
    if kind is None or not changed.primary or not recipients:
        return None
    claim = changed.declared if changed.HasField("declared") else changed.verified
    type_name = claim.facts.WhichOneof("kind") or ""
    title_field = TITLE_FIELDS.get(type_name)
    facts = getattr(claim.facts, type_name) if title_field else None
    return Decided(
        kind=kind,
        submission_id=changed.submission_id,
        version=changed.version,
        recipients=recipients,
        work_key=changed.work_key,
        unit_id=claim.unit_id,
        type=type_name,
        title=getattr(facts, title_field) if title_field else "",
    )


def decode_reached(event: kpi_events_pb2.TargetReached) -> Reached:
    """Return the reached target that an event reports.

    Raises:
        ValueError: the message lacks the unit, indicator or year of the target.
    """
    target = event.target
    if not target.unit_id or not target.indicator_code or not target.year:
        raise ValueError("no unit_id, indicator_code or year")
    return Reached(target.unit_id, target.indicator_code, target.year, target.value, event.value)


def decode_contradicted(event: kpi_events_pb2.WorkContradicted) -> Contradicted:
    """Return the contradicted work that an event reports; equal events give the same event id.

    Raises:
        ValueError: the message lacks the work key, or a claim's submission or unit.
    """
    both = (event.leading, event.contradicting)
    if not event.work_key or not all(each.submission_id and each.unit_id for each in both):
        raise ValueError("no work_key, submission_id or unit_id")
    leading, other = (
        Claimant(
            each.submission_id, each.unit_id, Recipient(each.institution_id, each.submitted_by)
        )
        for each in both
    )
    identity = event.SerializeToString(deterministic=True)
    return Contradicted(
        event_id=hashlib.sha256(identity).hexdigest(),
        work_key=event.work_key,
        leading=leading,
        other=other,
        differences=tuple((c.field, c.said, c.counts) for c in event.differences),
    )


def decode_proposed(event: proposal_events_pb2.ProposalChanged) -> Proposed | None:
    """Return the proposal that an event reports; None if it is approved but not in effect yet.

    Raises:
        ValueError: the message lacks the proposal's id, version or state.
    """
    found = event.proposal
    if not found.proposal_id or not found.version or not found.state:
        raise ValueError("no proposal_id, version or state")
    if found.state == proposal_pb2.STATE_APPROVED:
        return None  # it takes effect at once, or fails, which is another version
    # Once it is decided, it waits for no institution.
    is_open = found.state == proposal_pb2.STATE_OPEN
    voted = {*found.approved_by, *found.rejected_by} if is_open else found.members
    return Proposed(
        proposal_id=found.proposal_id,
        version=found.version,
        state=proposal_pb2.State.Name(found.state).removeprefix("STATE_").lower(),
        proposed_by=found.proposed_by,
        waits_for=tuple(member for member in found.members if member not in voted),
        emergency=found.emergency,
        emergency_by=found.emergency_by,
    )


def encode_kind(kind: Kind) -> notification_pb2.Kind.ValueType:
    """Return the enum number that the contract gives to a kind of notification."""
    return notification_pb2.Kind.Value(f"KIND_{kind.upper()}")


def encode_notification(
    notification: Notification, language: Lang
) -> notification_pb2.Notification:
    """Return a notification as a protobuf message, with subject and body in a language."""
    subject, body = render(notification, language)
    message = notification_pb2.Notification(
        notification_id=notification.notification_id,
        kind=encode_kind(notification.kind),
        subject=subject,
        body=body,
        about=notification.about,
    )
    message.created_at.FromDatetime(notification.created_at)
    if notification.read_at is not None:
        message.read_at.FromDatetime(notification.read_at)
    return message


def decode_language(number: notification_pb2.Language.ValueType, unset: Lang) -> Lang:
    """Return the language of an enum number; ``unset`` if the number is that of no language."""
    return _LANGUAGES.get(number, unset)


def decode_subscription(message: notification_pb2.Subscription) -> Subscription:
    """Return the subscription in a message, without duplicates and the unspecified kind.

    An unspecified language means Vietnamese.
    """
    names = (notification_pb2.Kind.Name(kind) for kind in message.email_kinds if kind)
    kinds = (Kind(name.removeprefix("KIND_").lower()) for name in names)
    return Subscription(
        email_kinds=tuple(dict.fromkeys(kinds)),
        email=message.email,
        language=decode_language(message.language, Lang.vi),
        target_unit_ids=tuple(dict.fromkeys(filter(None, message.target_unit_ids))),
    )


def encode_subscription(subscription: Subscription) -> notification_pb2.Subscription:
    """Return a subscription as a protobuf message."""
    return notification_pb2.Subscription(
        email_kinds=map(encode_kind, subscription.email_kinds),
        email=subscription.email,
        language=notification_pb2.Language.Value(f"LANGUAGE_{subscription.language.upper()}"),
        target_unit_ids=subscription.target_unit_ids,
        email_confirmed=subscription.is_confirmed,
    )


def new_delivered(notification_id: str, kind: Kind) -> events_pb2.NotificationDelivered:
    """Return the message that the mail server accepted an e-mail; its time is not set yet.

    Args:
        notification_id: id of the notification that the e-mail delivered.
        kind: its kind.
    """
    return events_pb2.NotificationDelivered(
        notification_id=notification_id, kind=encode_kind(kind), channel="email"
    )
