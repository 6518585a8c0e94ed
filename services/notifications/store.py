"""Stores inboxes, subscriptions and the ledger of e-mails in the database ``kieng_notifications``.

A person is given by the key of `Recipient`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import uuid_utils
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from services.kernel.mongo import Mongo, Store
from services.notifications.confirmation import ATTEMPTS_MAX, Waiting
from services.notifications.documents import (
    Delivery,
    decode_delivery,
    decode_notification,
    decode_subscription,
    encode_notice,
    encode_subscription,
    new_delivery,
)
from services.notifications.domain import Notice, Notification, Subscription
from services.notifications.schema import DATABASE, declare

T = TypeVar("T")

# The embedded database's cost of `$in` grows with the square of its length.
IDS_PER_QUERY = 50
DUPLICATE_KEY = 11000
ORDER_DIGITS = 32


class Inbox:
    """The stored notifications of all users. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._documents = mongo.database(DATABASE)["notifications"]
        declare(mongo.database(DATABASE))

    def unknown(self, notices: Iterable[Notice]) -> list[Notice]:
        """Return the notices that are not stored yet, in the given order, without duplicates."""
        by_id = {notice.notification_id: notice for notice in notices}
        for ids in _chunks(list(by_id)):
            for document in self._documents.find({"_id": {"$in": ids}}, {"_id": 1}):
                del by_id[document["_id"]]
        return list(by_id.values())

    def add(self, notices: Sequence[Notice], now: datetime) -> int:
        """Store notices as unread notifications; return how many were not stored before.

        Notices that are stored already stay as they are.

        Args:
            notices: notifications to create; may be empty.
            now: time of their creation.
        """
        documents = [encode_notice(notice, uuid_utils.uuid7().hex, now) for notice in notices]
        return insert_new(self._documents, documents)

    def get(self, notification_id: str) -> Notification | None:
        """Return the notification with this id; None if there is none."""
        document = self._documents.find_one({"_id": notification_id})
        return decode_notification(document) if document else None

    def page(
        self, recipient: str, *, unread_only: bool, before: str, limit: int
    ) -> list[Notification]:
        """Return a page of a person's notifications, newest first.

        Args:
            recipient: key of the person.
            unread_only: whether to omit read notifications.
            before: `order` of the last notification of the previous page; empty for the first page.
            limit: maximum number of notifications.
        """
        query: dict[str, Any] = {"recipient": recipient}
        if unread_only:
            query["unread"] = True
        if before:
            query["order"] = {"$lt": before}
        found = self._documents.find(query).sort("order", -1).limit(limit)
        return [decode_notification(document) for document in found]

    def since(self, recipient: str, moment: datetime) -> list[Notification]:
        """Return a person's notifications created at or after ``moment``, oldest first."""
        query = {"recipient": recipient, "order": {"$gte": order_at(moment)}}
        found = self._documents.find(query).sort("order", -1)
        return [decode_notification(document) for document in found][::-1]

    def created(self, since: datetime) -> list[Notification]:
        """Return all people's notifications created at or after a time, oldest first."""
        found = self._documents.find({"order": {"$gte": order_at(since)}}).sort("order", -1)
        return [decode_notification(document) for document in found][::-1]

    def unread(self, recipient: str) -> int:
        """Return the number of a person's unread notifications."""
        return self._documents.count_documents({"recipient": recipient, "unread": True})

    def mark_read(self, recipient: str, ids: Iterable[str], now: datetime) -> int:
        """Mark a person's notifications with these ids as read; return how many were unread before.

        Unknown ids and those of other people's notifications are ignored.
        """
        marked = 0
        for chunk in _chunks(sorted(set(ids))):
            query = {"_id": {"$in": chunk}, "recipient": recipient, "unread": True}
            update = {"$set": {"unread": False, "read_at": now}}
            marked += self._documents.update_many(query, update).modified_count
        return marked


class Subscriptions:
    """The stored subscriptions of all users. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._documents = mongo.database(DATABASE)["subscriptions"]
        declare(mongo.database(DATABASE))

    def get(self, recipient: str) -> Subscription:
        """Return a person's subscription; an empty one in Vietnamese if none was set."""
        return self.of([recipient]).get(recipient, Subscription())

    def of(self, recipients: Iterable[str]) -> dict[str, Subscription]:
        """Return key -> subscription for those of these people who have set one."""
        return {
            document["_id"]: decode_subscription(document)
            for chunk in _chunks(sorted(set(recipients)))
            for document in self._documents.find({"_id": {"$in": chunk}})
        }

    def set(self, recipient: str, subscription: Subscription) -> None:
        """Replace a person's subscription as a whole; a code sent before becomes invalid."""
        document = encode_subscription(subscription)
        self._documents.replace_one({"_id": recipient}, document, upsert=True)

    def expect(self, recipient: str, expected: Waiting) -> bool:
        """Store the code by which a person's address can be confirmed, in place of a former one.

        Return False if the person has another address by now, or has confirmed this one.
        """
        guard = {"_id": recipient, "email": expected.email, "confirmed": {"$ne": True}}
        change = {"code_hash": expected.code_hash, "code_until": expected.until}
        update = {"$set": {**change, "code_attempts": 0}}
        return self._documents.update_one(guard, update).matched_count == 1

    def attempt(self, recipient: str) -> Waiting | None:
        """Count an attempt to confirm, and return the stored code.

        Returns:
            The code; None if there is none or there were too many attempts.
        """
        guard = {"_id": recipient, "code_attempts": {"$lt": ATTEMPTS_MAX}}
        document = self._documents.find_one_and_update(guard, {"$inc": {"code_attempts": 1}})
        if document is None:
            return None
        return Waiting(document["email"], document["code_hash"], document["code_until"])

    def confirm(self, recipient: str, found: Waiting) -> None:
        """Mark a person's address as confirmed, and forget the code.

        Does nothing if the address or the code was replaced meanwhile.

        Args:
            recipient: key of the person.
            found: the stored code that the person typed.
        """
        guard = {"_id": recipient, "email": found.email, "code_hash": found.code_hash}
        gone = dict.fromkeys(("code_hash", "code_until", "code_attempts"), "")
        self._documents.update_one(guard, {"$set": {"confirmed": True}, "$unset": gone})

    def to_targets_of(self, unit_ids: list[str]) -> list[str]:
        """Return the keys of the people who subscribed to any of these units, sorted.

        Units below or above are not considered; see `subscribable`.
        """
        found = self._documents.find({"target_unit_ids": {"$in": unit_ids}}, {"_id": 1})
        return sorted({document["_id"] for document in found})

    def everybody(self) -> list[str]:
        """Return the keys of all people who have set a subscription, sorted."""
        return sorted(document["_id"] for document in self._documents.find({}, {"_id": 1}))


class Deliveries:
    """The ledger of e-mails to send and of those sent. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._documents = mongo.database(DATABASE)["deliveries"]
        declare(mongo.database(DATABASE))

    def add(self, notices: Iterable[Notice], now: datetime) -> None:
        """Add an e-mail due at ``now`` for each notice that has none yet."""
        insert_new(self._documents, [new_delivery(notice, now) for notice in notices])

    def due(self, now: datetime, limit: int) -> list[Delivery]:
        """Return at most ``limit`` e-mails that are due or whose lease expired, oldest first."""
        query = {"is_open": True, "due_at": {"$lte": now}}
        found = self._documents.find(query).sort("due_at", 1).limit(limit)
        return [decode_delivery(document) for document in found]

    def claim(self, delivery: Delivery, now: datetime, lease: timedelta) -> bool:
        """Lease an e-mail to this process until ``now + lease``, and count the attempt.

        Return False if another process has changed the e-mail since it was read.
        """
        guard = {"_id": delivery.delivery_id, "is_open": True, "due_at": delivery.due_at}
        change = {"state": "sending", "due_at": now + lease}
        update = {"$set": change, "$inc": {"attempts": 1}}
        return self._documents.update_one(guard, update).matched_count == 1

    def mark_sent(self, delivery: Delivery, now: datetime) -> None:
        """Record that the mail server accepted an e-mail at ``now``; its event becomes pending."""
        self._end(delivery, state="sent", sent_at=now, unannounced=True)

    def give_up(self, delivery: Delivery, state: str) -> None:
        """Close an e-mail that will not be sent.

        Args:
            delivery: the e-mail.
            state: `failed` after too many attempts or a final error; `dropped` if it is not wanted.
        """
        self._end(delivery, state=state)

    def postpone(self, delivery: Delivery, until: datetime) -> None:
        """Make an e-mail due again from ``until`` on, which ends the lease of this process."""
        change = {"state": "pending", "due_at": until}
        self._documents.update_one({"_id": delivery.delivery_id}, {"$set": change})

    def unannounced(self, limit: int) -> list[Delivery]:
        """Return at most ``limit`` sent e-mails with an unpublished event; empty if none has."""
        found = self._documents.find({"unannounced": True}).limit(limit)
        return [decode_delivery(document) for document in found]

    def mark_announced(self, deliveries: Iterable[Delivery]) -> None:
        """Record that the events of these e-mails are published."""
        for ids in _chunks([delivery.delivery_id for delivery in deliveries]):
            self._documents.update_many({"_id": {"$in": ids}}, {"$set": {"unannounced": False}})

    def _end(self, delivery: Delivery, **fields: Any) -> None:
        self._documents.update_one(
            {"_id": delivery.delivery_id}, {"$set": {"is_open": False, **fields}}
        )


class InboxStore(Store):
    """Injects the `Inbox`, which holds the notifications of all users."""

    def make(self, mongo: Mongo) -> Inbox:
        """Return the notifications in the service's database."""
        return Inbox(mongo)


class SubscriptionStore(Store):
    """Injects `Subscriptions`, i.e. what each person wants to receive."""

    def make(self, mongo: Mongo) -> Subscriptions:
        """Return the subscriptions in the service's database."""
        return Subscriptions(mongo)


class DeliveryStore(Store):
    """Injects `Deliveries`, the ledger of e-mails."""

    def make(self, mongo: Mongo) -> Deliveries:
        """Return the ledger in the service's database."""
        return Deliveries(mongo)


def insert_new(documents: Collection[dict[str, Any]], new: list[dict[str, Any]]) -> int:
    """Insert those documents whose id is not stored yet; return how many were inserted.

    Stored documents with the same ids stay as they are.
    """
    if not new:
        return 0
    try:
        return len(documents.insert_many(new, ordered=False).inserted_ids)
    except BulkWriteError as error:
        if any(mistake["code"] != DUPLICATE_KEY for mistake in error.details["writeErrors"]):
            raise
        return int(error.details["nInserted"])


def order_at(moment: datetime) -> str:
    """Return a lower bound of `order` for notifications created at or after a time.

    It is as long as an `order`, a UUID version 7 in hexadecimal digits: with a descending index,
    the embedded database misses texts that begin with a shorter bound.
    """
    return f"{int(moment.timestamp() * 1000):012x}".ljust(ORDER_DIGITS, "0")


def _chunks(items: Sequence[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), IDS_PER_QUERY):
        yield list(items[start : start + IDS_PER_QUERY])
