"""The MongoDB documents of notifications, subscriptions and e-mails: fields, indexes, encoding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import mongoengine as me

from services.notifications.domain import Kind, Notice, Notification, Subscription
from services.texts import Lang

EMAIL = "email"


class NotificationDocument(me.Document):
    """One notification in the inbox of one person.

    Its id is a hash of event and person, so that a repeated event cannot store it twice.
    """

    notification_id = me.StringField(primary_key=True)
    kind = me.StringField(required=True)
    about = me.StringField(required=True)
    recipient = me.StringField(required=True)
    facts = me.DictField(required=True)
    order = me.StringField(required=True)
    created_at = me.DateTimeField(required=True)
    unread = me.BooleanField(required=True)
    read_at = me.DateTimeField()

    meta = {
        "collection": "notifications",
        "auto_create_index": False,
        "indexes": [("recipient", "-order"), ("recipient", "unread", "-order"), "-order"],
    }


class SubscriptionDocument(me.Document):
    """What one person wants to receive by e-mail and of which units; the id is `Recipient.key`.

    ``confirmed``: the person has confirmed the address. Until then ``code_hash`` is the hash of the
    code that was sent, ``code_until`` its expiry, and ``code_attempts`` counts typed codes.
    """

    recipient = me.StringField(primary_key=True)
    email_kinds = me.ListField(me.StringField())
    email = me.StringField()
    confirmed = me.BooleanField()
    code_hash = me.StringField()
    code_until = me.DateTimeField()
    code_attempts = me.IntField()
    language = me.StringField(required=True)
    target_unit_ids = me.ListField(me.StringField())

    meta = {
        "collection": "subscriptions",
        "auto_create_index": False,
        "indexes": ["target_unit_ids"],
    }


class DeliveryDocument(me.Document):
    """The state of one e-mail; its id is `<notification id>:<channel>`. It holds no address.

    ``state`` is pending, sending, sent, failed or dropped. While ``is_open``, the next attempt may
    begin at ``due_at``. ``unannounced`` is true from sending until the event of it is published.
    """

    delivery_id = me.StringField(primary_key=True)
    notification_id = me.StringField(required=True)
    channel = me.StringField(required=True)
    kind = me.StringField(required=True)
    recipient = me.StringField(required=True)
    state = me.StringField(required=True)
    is_open = me.BooleanField(required=True)
    due_at = me.DateTimeField(required=True)
    attempts = me.IntField(required=True)
    sent_at = me.DateTimeField()
    unannounced = me.BooleanField(required=True)

    meta = {
        "collection": "deliveries",
        "auto_create_index": False,
        "indexes": [("is_open", "due_at"), "unannounced"],
    }


@dataclass(frozen=True, slots=True)
class Delivery:
    """One e-mail as read from the database.

    ``due_at`` is when the next attempt may begin. A process leases the e-mail by changing it, so
    a write that expects the value read fails if another process was faster.
    """

    delivery_id: str
    notification_id: str
    kind: Kind
    recipient: str
    due_at: datetime
    attempts: int
    sent_at: datetime | None


def encode_notice(notice: Notice, order: str, now: datetime) -> dict[str, Any]:
    """Return the document of a new, unread notification.

    Args:
        notice: the notification to create.
        order: sorts it among the notifications of its recipient; see `Notification`.
        now: time of its creation.
    """
    return {
        "_id": notice.notification_id,
        "kind": str(notice.kind),
        "about": notice.about,
        "recipient": notice.recipient,
        "facts": dict(notice.facts),
        "order": order,
        "created_at": now,
        "unread": True,
    }


def decode_notification(document: dict[str, Any]) -> Notification:
    """Return the notification in a stored document."""
    return Notification(
        notification_id=document["_id"],
        kind=Kind(document["kind"]),
        about=document["about"],
        recipient=document["recipient"],
        facts=document["facts"],
        order=document["order"],
        created_at=document["created_at"],
        read_at=document.get("read_at"),
    )


def encode_subscription(subscription: Subscription) -> dict[str, Any]:
    """Return the document of a subscription, without its id, which is the person's key."""
    return {
        "email_kinds": [str(kind) for kind in subscription.email_kinds],
        "email": subscription.email,
        "confirmed": subscription.is_confirmed,
        "language": str(subscription.language),
        "target_unit_ids": list(subscription.target_unit_ids),
    }


def decode_subscription(document: dict[str, Any]) -> Subscription:
    """Return the subscription that a document holds.

    An address is not confirmed if the document does not say so.
    """
    return Subscription(
        email_kinds=tuple(Kind(kind) for kind in document["email_kinds"]),
        email=document["email"],
        language=Lang(document["language"]),
        target_unit_ids=tuple(document["target_unit_ids"]),
        # Absent in subscriptions of releases that confirmed nothing.
        is_confirmed=document.get("confirmed", False),
    )


def new_delivery(notice: Notice, now: datetime) -> dict[str, Any]:
    """Return the document of an e-mail that is to be sent for a notice from ``now`` on."""
    return {
        "_id": f"{notice.notification_id}:{EMAIL}",
        "notification_id": notice.notification_id,
        "channel": EMAIL,
        "kind": str(notice.kind),
        "recipient": notice.recipient,
        "state": "pending",
        "is_open": True,
        "due_at": now,
        "attempts": 0,
        "unannounced": False,
    }


def decode_delivery(document: dict[str, Any]) -> Delivery:
    """Return the e-mail in a stored document; its state is left out."""
    return Delivery(
        delivery_id=document["_id"],
        notification_id=document["notification_id"],
        kind=Kind(document["kind"]),
        recipient=document["recipient"],
        due_at=document["due_at"],
        attempts=document["attempts"],
        sent_at=document.get("sent_at"),
    )
