"""The notifications service.

Topics in: `kieng.submissions.v1`, `kieng.kpi.v1`, `kieng.directory.v1`.
Topics out: `kieng.notifications.v1`.
RPCs: all of NotificationService.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from kieng.notifications.v1 import notification_service_pb2
from services.kernel.bell import Ringer
from services.kernel.container import Waker, poll, repeat
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.kafka import Record, consume
from services.kernel.mongo import DOWN
from services.kernel.outbox import Relay
from services.kernel.publisher import Publisher
from services.notifications import wire
from services.notifications.addresses import checked
from services.notifications.confirmation import check_code, check_codes_sent, notice_of_code
from services.notifications.domain import Recipient
from services.notifications.intake import notify
from services.notifications.paging import page_of
from services.notifications.sending import MAILS_PER_RUN, Mail, MailSender, SentMailOutbox
from services.notifications.store import DeliveryStore, InboxStore, SubscriptionStore
from services.notifications.watching import Watchers, watch

log = structlog.get_logger()

GROUP = "kieng.notifications"
"""Consumer group, and the name by which the bell is rung when notifications were stored."""


class NotificationsService:
    """Keeps an inbox for every user, and sends e-mails to those who want them."""

    name = "notifications"
    serves = (notification_service_pb2.DESCRIPTOR.services_by_name["NotificationService"],)

    call = CurrentCall()
    inbox = InboxStore()
    subscriptions = SubscriptionStore()
    deliveries = DeliveryStore()
    mail = Mail()
    listeners = Watchers()
    ring = Ringer()
    publish = Publisher()
    relay = Relay()
    wake_sender = Waker("send_mails")

    @property
    def caller(self) -> str:
        """Key of the caller, whose inbox and subscription are the only ones a call can reach."""
        principal = self.call.principal
        return Recipient(principal.institution_id, principal.subject).key

    @grpc
    def list_notifications(self, request: Any) -> Any:
        """Return a page of the caller's inbox, newest first, and the number of unread ones.

        The texts are in the language that the request names, else in that of the caller's
        subscription; Vietnamese if none was set.
        """
        unset = self.subscriptions.get(self.caller).language
        language = wire.decode_language(request.language, unset)
        page = page_of(self.inbox, self.caller, request)
        return notification_service_pb2.ListNotificationsResponse(
            notifications=[wire.encode_notification(each, language) for each in page.rows],
            next_page_token=page.next_token,
            unread=self.inbox.unread(self.caller),
        )

    @grpc(is_watch=True)
    def watch_notifications(self, request: Any) -> Iterator[Any]:
        """Stream the caller's notifications as they are created, with heartbeats in between.

        Raises:
            Exhausted: too many streams are open; the caller repeats later.
        """
        return watch(
            self.caller,
            listeners=self.listeners,
            language=request.language,
            subscriptions=self.subscriptions,
            caller=self.call,
        )

    @poll(0.5, quiet_seconds=0.5, rung_for=(GROUP,))
    def look_for_news(self) -> bool:
        """Deliver new notifications to the open streams; return whether there were any.

        Reads the database once for all streams, and not at all while none is open. Returns False
        while the database is down; the streams then get their notifications when it is back.
        """
        try:
            return bool(self.listeners.look(self.inbox))
        except DOWN:
            log.warning("the database is down; open streams get nothing until it is back")
            return False

    @grpc
    def mark_read(self, request: Any) -> Any:
        """Mark the caller's notifications with these ids as read; return how many were unread.

        Ids that are unknown or not the caller's are ignored. Idempotent.
        """
        marked = self.inbox.mark_read(self.caller, request.notification_ids, datetime.now(UTC))
        return notification_service_pb2.MarkReadResponse(marked=marked)

    @grpc
    def get_subscription(self, request: Any) -> Any:
        """Return the caller's subscription; if none was set, one that wants nothing by e-mail."""
        found = wire.encode_subscription(self.subscriptions.get(self.caller))
        return notification_service_pb2.GetSubscriptionResponse(subscription=found)

    @grpc
    def set_subscription(self, request: Any) -> Any:
        """Replace the caller's subscription as a whole and return it.

        Each call sends a code to an address that is not confirmed yet, if there is a mail server. A
        confirmed address stays confirmed as long as it is not changed.

        Raises:
            InvalidArgument: the caller's e-mail address is not valid.
            Exhausted: the caller asked for too many codes within an hour.
        """
        wanted = checked(wire.decode_subscription(request.subscription))
        wanted = wanted.after(self.subscriptions.get(self.caller))
        notices, now = [], datetime.now(UTC)
        if wanted.needs_code and self.mail.server.is_configured:
            check_codes_sent(self.inbox.since(self.caller, now - timedelta(hours=1)))
            notices.append(notice_of_code(self.caller, now))
        self.subscriptions.set(self.caller, wanted)
        self.deliveries.add(notices, now)
        self.inbox.add(notices, now)
        self.ring(GROUP)
        self.wake_sender()
        return notification_service_pb2.SetSubscriptionResponse(
            subscription=wire.encode_subscription(wanted)
        )

    @grpc
    def confirm_email(self, request: Any) -> Any:
        """Confirm the caller's address by the code that was sent to it; return the subscription.

        If no address waits for a code, nothing is changed. Idempotent.

        Raises:
            InvalidArgument: the caller typed a different code.
            WrongState: there is no valid code any more; the caller asks for another.
        """
        if self.subscriptions.get(self.caller).needs_code:
            found = self.subscriptions.attempt(self.caller)
            sent = check_code(found, request.code, self.caller, datetime.now(UTC))
            self.subscriptions.confirm(self.caller, sent)
        now = wire.encode_subscription(self.subscriptions.get(self.caller))
        return notification_service_pb2.ConfirmEmailResponse(subscription=now)

    @consume("kieng.submissions.v1", "kieng.kpi.v1", "kieng.directory.v1", group=GROUP)
    def on_records(self, records: list[Record]) -> None:
        """Create the notifications that a batch causes; a repeated record creates none again.

        Raises:
            InvalidRecord: the producer wrote a record that cannot be decoded; nothing is stored.
            NotReady: the database is down; the batch is delivered again.
        """
        has_mails = notify(
            records,
            inbox=self.inbox,
            subscriptions=self.subscriptions,
            deliveries=self.deliveries if self.mail.server.is_configured else None,
            now=datetime.now(UTC),
        )
        if has_mails:
            self.wake_sender()

    @repeat(1.0)
    def send_mails(self) -> float | None:
        """Send due e-mails and publish their events; return 0 if more may be due.

        Safe to repeat.
        """
        sender: MailSender = self.mail
        is_more = sender.run(self.deliveries, self.inbox, self.subscriptions)
        self.relay.run([SentMailOutbox(self.deliveries)], self.publish, MAILS_PER_RUN)
        return 0.0 if is_more else None
