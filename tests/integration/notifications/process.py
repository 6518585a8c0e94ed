"""What one process of the service has, without its entry points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.kernel.errors import Unavailable
from services.kernel.mongo import Mongo
from services.kernel.outbox import OutboxRelay
from services.kernel.publisher import Event
from services.notifications.config import Settings
from services.notifications.intake import notify
from services.notifications.mail import MailServer as Server
from services.notifications.schema import DATABASE
from services.notifications.sending import MAILS_PER_RUN, MailSender, SentMailOutbox
from services.notifications.store import Deliveries, Inbox, Subscriptions
from tests.unit.notifications.records import FakeRecord, changed, record


@dataclass
class Process:
    """What one process of the service has; a new one is what a restart makes."""

    mongo: Mongo
    settings: Settings
    published: list[Event] = field(default_factory=list)
    broker_is_down: bool = False

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.mongo)
        self.subscriptions = Subscriptions(self.mongo)
        self.deliveries = Deliveries(self.mongo)
        self.sender = MailSender(Server(self.settings))
        self.relay = OutboxRelay()

    def publish(self, events: Any) -> None:
        if self.broker_is_down:
            raise Unavailable("down")
        self.published.extend(events)

    def tell(self, records: Sequence[FakeRecord], *, mailing: bool = True) -> bool:
        return notify(
            records,
            inbox=self.inbox,
            subscriptions=self.subscriptions,
            deliveries=self.deliveries if mailing else None,
            now=datetime.now(UTC),
        )

    def send(self) -> None:
        is_more = True
        while is_more:
            is_more = self.sender.run(self.deliveries, self.inbox, self.subscriptions)
            outboxes = [SentMailOutbox(self.deliveries)]
            self.relay.run(outboxes, self.publish, MAILS_PER_RUN)

    def inbox_of(self, recipient: str) -> list[str]:
        page = self.inbox.page(recipient, unread_only=False, before="", limit=500)
        return [each.about for each in page]

    def states(self) -> list[tuple[str, int]]:
        found = self.mongo.database(DATABASE)["deliveries"].find()
        return [(document["state"], document["attempts"]) for document in found]


def decisions(count: int, **fields: Any) -> list[FakeRecord]:
    messages = (changed(submission_id=f"s{number}", **fields) for number in range(count))
    return [record(message, offset) for offset, message in enumerate(messages)]
