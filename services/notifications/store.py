"""Storage of inboxes, subscriptions and deliveries: database ``kieng_notifications``."""

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


class Inbox:
    """Notifications of all users. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._documents = mongo.database(DATABASE)["notifications"]
        declare(mongo.database(DATABASE))

    def unknown(self, notices: Iterable[Notice]) -> list[Notice]:
        """Return the notices, each once, that are in no inbox yet."""
        by_id = {notice.notification_id: notice for notice in notices}
        for ids in _chunks(list(by_id)):
            for document in self._documents.find({"_id": {"$in": ids}}, {"_id": 1}):
                del by_id[document["_id"]]
        return list(by_id.values())

    def add(self, notices: Sequence[Notice], now: datetime) -> int:
        """Store notices and return how many are new; existing ones are unchanged."""
        documents = [encode_notice(notice, uuid_utils.uuid7().hex, now) for notice in notices]
        return insert_new(self._documents, documents)

    def get(self, notification_id: str) -> Notification | None:
        """Return one notification."""
        document = self._documents.find_one({"_id": notification_id})
        return decode_notification(document) if document else None

    def page(
        self, recipient: str, *, unread_only: bool, before: str, limit: int
    ) -> list[Notification]:
        """Return a page of a person's notifications, newest first.

        Args:
            recipient: key of the person.
            unread_only: whether to omit read notifications.
            before: order value that the page follows; empty for the first page.
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
        """Return a person's notifications that were made since a moment, oldest first."""
        query = {"recipient": recipient, "order": {"$gte": order_at(moment)}}
        found = self._documents.find(query).sort("order", -1)
        return [decode_notification(document) for document in found][::-1]

    def unread(self, recipient: str) -> int:
        """Return how many notifications a person has not read."""
        return self._documents.count_documents({"recipient": recipient, "unread": True})

    def mark_read(self, recipient: str, ids: Iterable[str], now: datetime) -> int:
        """Mark a person's notifications as read; return how many were unread until now."""
        marked = 0
        for chunk in _chunks(sorted(set(ids))):
            query = {"_id": {"$in": chunk}, "recipient": recipient, "unread": True}
            update = {"$set": {"unread": False, "read_at": now}}
            marked += self._documents.update_many(query, update).modified_count
        return marked


class Subscriptions:
    """Subscriptions of all users. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._documents = mongo.database(DATABASE)["subscriptions"]
        declare(mongo.database(DATABASE))

    def get(self, recipient: str) -> Subscription:
        """Return a person's subscription, an empty one when none was set."""
        return self.of([recipient]).get(recipient, Subscription())

    def of(self, recipients: Iterable[str]) -> dict[str, Subscription]:
        """Return the subscriptions of those who have set one."""
        return {
            document["_id"]: decode_subscription(document)
            for chunk in _chunks(sorted(set(recipients)))
            for document in self._documents.find({"_id": {"$in": chunk}})
        }

    def set(self, recipient: str, subscription: Subscription) -> None:
        """Replace a person's subscription."""
        document = encode_subscription(subscription)
        self._documents.replace_one({"_id": recipient}, document, upsert=True)

    def expect(self, recipient: str, expected: Waiting) -> bool:
        """Store the code that an address waits for. Return False if it is another one by now."""
        guard = {"_id": recipient, "email": expected.email, "confirmed": {"$ne": True}}
        change = {"code_hash": expected.code_hash, "code_until": expected.until}
        update = {"$set": {**change, "code_attempts": 0}}
        return self._documents.update_one(guard, update).matched_count == 1

    def attempt(self, recipient: str) -> Waiting | None:
        """Count an attempt, and return the code that is waited for; None after the last one."""
        guard = {"_id": recipient, "code_attempts": {"$lt": ATTEMPTS_MAX}}
        document = self._documents.find_one_and_update(guard, {"$inc": {"code_attempts": 1}})
        if document is None:
            return None
        return Waiting(document["email"], document["code_hash"], document["code_until"])

    def confirm(self, recipient: str, found: Waiting) -> None:
        """Confirm an address by its code, unless either is another one by now."""
        guard = {"_id": recipient, "email": found.email, "code_hash": found.code_hash}
        gone = dict.fromkeys(("code_hash", "code_until", "code_attempts"), "")
        self._documents.update_one(guard, {"$set": {"confirmed": True}, "$unset": gone})

    def to_targets_of(self, unit_ids: list[str]) -> list[str]:
        """Return the people who subscribed to the targets of any of these units."""
        found = self._documents.find({"target_unit_ids": {"$in": unit_ids}}, {"_id": 1})
        return sorted({document["_id"] for document in found})

    def everybody(self) -> list[str]:
        """Return all people who have set a subscription."""
        return sorted(document["_id"] for document in self._documents.find({}, {"_id": 1}))


class Deliveries:
    """The ledger of e-mails. Thread-safe; every write is guarded by what was read."""

    def __init__(self, mongo: Mongo) -> None:
        self._documents = mongo.database(DATABASE)["deliveries"]
        declare(mongo.database(DATABASE))

    def add(self, notices: Iterable[Notice], now: datetime) -> None:
        """Add a pending e-mail for each notice; existing ones are unchanged."""
        insert_new(self._documents, [new_delivery(notice, now) for notice in notices])

    def due(self, now: datetime, limit: int) -> list[Delivery]:
        """Return e-mails that are due or whose lease expired, oldest first."""
        query = {"is_open": True, "due_at": {"$lte": now}}
        found = self._documents.find(query).sort("due_at", 1).limit(limit)
        return [decode_delivery(document) for document in found]

    def claim(self, delivery: Delivery, now: datetime, lease: timedelta) -> bool:
        """Lease an e-mail to this process. Return False if another process has it."""
        guard = {"_id": delivery.delivery_id, "is_open": True, "due_at": delivery.due_at}
        change = {"state": "sending", "due_at": now + lease}
        update = {"$set": change, "$inc": {"attempts": 1}}
        return self._documents.update_one(guard, update).matched_count == 1

    def mark_sent(self, delivery: Delivery, now: datetime) -> None:
        """Mark an e-mail as accepted by the server; its event is pending from now on."""
        self._end(delivery, state="sent", sent_at=now, unannounced=True)

    def give_up(self, delivery: Delivery, state: str) -> None:
        """Close an unsent e-mail as `failed`, or as `dropped` if no longer subscribed."""
        self._end(delivery, state=state)

    def postpone(self, delivery: Delivery, until: datetime) -> None:
        """Schedule a retry."""
        change = {"state": "pending", "due_at": until}
        self._documents.update_one({"_id": delivery.delivery_id}, {"$set": change})

    def unannounced(self, limit: int) -> list[Delivery]:
        """Return sent e-mails with an unpublished event."""
        found = self._documents.find({"unannounced": True}).limit(limit)
        return [decode_delivery(document) for document in found]

    def mark_announced(self, deliveries: Iterable[Delivery]) -> None:
        """Mark the events as published."""
        for ids in _chunks([delivery.delivery_id for delivery in deliveries]):
            self._documents.update_many({"_id": {"$in": ids}}, {"$set": {"unannounced": False}})

    def _end(self, delivery: Delivery, **fields: Any) -> None:
        self._documents.update_one(
            {"_id": delivery.delivery_id}, {"$set": {"is_open": False, **fields}}
        )


class InboxStore(Store):
    """Injects the inboxes of all people, an `Inbox`, into a service."""

    def make(self, mongo: Mongo) -> Inbox:
        """Return the store in the database of notifications."""
        return Inbox(mongo)


class SubscriptionStore(Store):
    """Injects what people chose to be sent, `Subscriptions`, into a service."""

    def make(self, mongo: Mongo) -> Subscriptions:
        """Return the store in the database of notifications."""
        return Subscriptions(mongo)


class DeliveryStore(Store):
    """Injects the ledger of e-mails, `Deliveries`, into a service."""

    def make(self, mongo: Mongo) -> Deliveries:
        """Return the store in the database of notifications."""
        return Deliveries(mongo)


def insert_new(documents: Collection[dict[str, Any]], new: list[dict[str, Any]]) -> int:
    """Insert documents whose id is not there yet; return how many."""
    if not new:
        return 0
    try:
        return len(documents.insert_many(new, ordered=False).inserted_ids)
    except BulkWriteError as error:
        if any(mistake["code"] != DUPLICATE_KEY for mistake in error.details["writeErrors"]):
            raise
        return int(error.details["nInserted"])


def order_at(moment: datetime) -> str:
    """Return the least `order` of notifications from a time on: the prefix of a UUID version 7."""
    return f"{int(moment.timestamp() * 1000):012x}"


def _chunks(items: Sequence[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), IDS_PER_QUERY):
        yield list(items[start : start + IDS_PER_QUERY])
