"""Sends the e-mails that are due, and builds an event for each e-mail the mail server accepted.

A process leases an e-mail before it sends it, and closes it afterwards. If the process dies between
the mail server's answer and that write, the e-mail is sent again when the lease expires (at least
once); both copies have the same Message-ID. Addresses are never logged.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.mongo import DOWN
from services.kernel.publisher import Event
from services.notifications import metrics, wire
from services.notifications.confirmation import new_code, waiting
from services.notifications.documents import Delivery
from services.notifications.domain import Kind, retry_seconds
from services.notifications.mail import MailServer, compose, is_final
from services.notifications.store import Deliveries, Inbox, Subscriptions

TOPIC = "kieng.notifications.v1"
MAILS_PER_RUN = 50
# Longer than an SMTP session of several commands, each bounded by the connection's timeout.
LEASE = timedelta(seconds=120)
SERVER_RETRY_SECONDS_FIRST = 1.0
SERVER_RETRY_SECONDS_MAX = 60.0

log = structlog.get_logger()


class MailSender:
    """Sends due e-mails; one per process. Not thread-safe.

    While the mail server cannot be used, the sender pauses for longer and longer and leases
    nothing, so that an outage does not use up the attempts of e-mails.
    """

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._closed_until = 0.0
        self._closed_seconds = SERVER_RETRY_SECONDS_FIRST

    def run(self, deliveries: Deliveries, inbox: Inbox, subscriptions: Subscriptions) -> bool:
        """Send up to `MAILS_PER_RUN` e-mails that are due; return True if more may be due.

        An outage of database or mail server is logged, not raised; the e-mails stay due.
        """
        try:
            return self._send_due(deliveries, inbox, subscriptions)
        except DOWN as error:
            log.warning("e-mails wait for the database", reason=type(error).__name__)
            return False

    def _send_due(self, deliveries: Deliveries, inbox: Inbox, subscriptions: Subscriptions) -> bool:
        if not self.server.is_configured or time.monotonic() < self._closed_until:
            return False
        due = deliveries.due(datetime.now(UTC), MAILS_PER_RUN)
        if not due:
            return False
        try:
            with self.server.connect() as connection:
                self._closed_seconds = SERVER_RETRY_SECONDS_FIRST
                for delivery in due:
                    _Attempt(delivery, deliveries, self.server.sender, connection).make(
                        inbox, subscriptions
                    )
        except OSError as error:  # every error of smtplib is one
            metrics.MAIL_SERVER_FAILURES.inc()
            log.warning("the mail server cannot be used", reason=type(error).__name__)
            self._closed_until = time.monotonic() + self._closed_seconds
            self._closed_seconds = min(self._closed_seconds * 2, SERVER_RETRY_SECONDS_MAX)
            return False
        return len(due) == MAILS_PER_RUN


class _Attempt:
    """One attempt to send one e-mail over an open connection."""

    def __init__(
        self, delivery: Delivery, deliveries: Deliveries, sender: str, connection: smtplib.SMTP
    ) -> None:
        self._delivery = delivery
        self._deliveries = deliveries
        self._sender = sender
        self._connection = connection

    def make(self, inbox: Inbox, subscriptions: Subscriptions) -> None:
        """Send the e-mail and record the outcome: sent, postponed, failed, or dropped.

        It is dropped if its recipient no longer wants this kind by e-mail. Nothing is sent if
        another process has leased it, or its notification is not stored yet.

        Raises:
            OSError: the connection broke; the e-mail is postponed.
        """
        delivery = self._delivery
        notification = inbox.get(delivery.notification_id)
        if notification is None:  # its batch is still being written, or will be repeated
            return
        wish = subscriptions.get(delivery.recipient)
        if not wish.wants_mail(delivery.kind):
            self._give_up("dropped")
            return
        now = datetime.now(UTC)
        if not self._deliveries.claim(delivery, now, LEASE):
            return
        if delivery.kind is Kind.EMAIL_CONFIRMATION:
            code = new_code()
            expected = waiting(code, delivery.recipient, wish.email, now)
            if not subscriptions.expect(delivery.recipient, expected):
                self._give_up("dropped")
                return
            notification = replace(notification, facts={**notification.facts, "code": code})
        try:
            message = compose(
                notification, wish.language, sender=self._sender, receiver=wish.email, now=now
            )
            self._connection.send_message(message, self._sender, [wish.email])
        except (OSError, ValueError) as error:
            self._put_off(error)
            if isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(
                error, (smtplib.SMTPException, ValueError)
            ):
                raise
            return
        self._deliveries.mark_sent(delivery, datetime.now(UTC))
        metrics.MAILS.labels("sent").inc()

    def _put_off(self, error: Exception) -> None:
        wait = None if is_final(error) else retry_seconds(self._delivery.attempts + 1)
        # The text of such an error may contain the address: only its type is logged.
        log.warning("an e-mail was not sent", reason=type(error).__name__, retry_seconds=wait)
        if wait is None:
            self._give_up("failed")
            return
        self._deliveries.postpone(self._delivery, datetime.now(UTC) + timedelta(seconds=wait))
        metrics.MAILS.labels("postponed").inc()

    def _give_up(self, state: str) -> None:
        self._deliveries.give_up(self._delivery, state)
        metrics.MAILS.labels(state).inc()


class SentMailOutbox:
    """The sent e-mails with an unpublished event, as the relay of the kernel reads them.

    Implements `services.kernel.outbox.Outbox`.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def pending(self, limit: int) -> list[Delivery]:
        """Return at most ``limit`` sent e-mails with an unpublished event; empty if none has."""
        return self._deliveries.unannounced(limit)

    def events(self, documents: Sequence[Delivery]) -> list[Event]:
        """Return the event of each e-mail, in the same order; see `delivered_event`."""
        return [delivered_event(delivery) for delivery in documents]

    def clear(self, documents: Sequence[Delivery]) -> None:
        """Record that the events of these e-mails are published."""
        self._deliveries.mark_announced(documents)


def delivered_event(delivery: Delivery) -> Event:
    """Return the event that the mail server accepted an e-mail; it contains no address.

    It has the same id in every attempt to publish it. The e-mail must have been sent.
    """
    assert delivery.sent_at is not None
    delivered = wire.new_delivered(delivery.notification_id, delivery.kind)
    delivered.delivered_at.FromDatetime(delivery.sent_at)
    return Event(
        event_id=delivery.delivery_id,
        topic=TOPIC,
        key=delivery.notification_id,
        type=delivered.DESCRIPTOR.full_name,
        source=f"kieng/notifications/{delivery.recipient.partition('/')[0]}",
        value=delivered.SerializeToString(),
        time=delivery.sent_at,
    )


class Mail(DependencyProvider):
    """Injects the `MailSender` of the process."""

    def setup(self) -> None:
        """Create the sender; it connects when the first e-mail is due."""
        self.sender = MailSender(MailServer(self.container.settings))

    def get_dependency(self, worker_ctx: WorkerContext) -> MailSender:
        """Return the sender, the same for all calls."""
        return self.sender
