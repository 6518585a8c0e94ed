"""Builds e-mails from notifications, and connects to the mail server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from services.notifications.addresses import address_of
from services.notifications.config import Settings
from services.notifications.domain import Notification
from services.notifications.texts import render
from services.texts import Lang

TIMEOUT_SECONDS = 10.0


def compose(
    notification: Notification, language: Lang, *, sender: str, receiver: str, now: datetime
) -> EmailMessage:
    """Return the e-mail that delivers a notification.

    Its Message-ID is the same in every attempt, so that a mailbox can detect duplicates.

    Args:
        notification: notification to deliver.
        language: language of subject and body.
        sender: e-mail address of the sender.
        receiver: e-mail address of the recipient.
        now: time of sending, for the header `Date`.

    Raises:
        ValueError: an address is not valid in an e-mail header.
    """
    subject, body = render(notification, language)
    message = EmailMessage()
    message["From"] = address_of(sender, "Kiềng")
    message["To"] = address_of(receiver)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notification.notification_id}@kieng.notifications>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = str(language)
    message.set_content(body)
    return message


class MailServer:
    """The mail server that the settings name. Not thread-safe.

    Args:
        settings: host, port, user and sender address.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.sender = settings.smtp_sender

    @property
    def is_configured(self) -> bool:
        """Whether the settings name a mail server."""
        return bool(self._settings.smtp_host)

    @contextmanager
    def connect(self) -> Iterator[smtplib.SMTP]:
        """Yield an SMTP connection, logged in if a user is configured; close it afterwards.

        Raises:
            OSError: the server cannot be reached, lacks STARTTLS, or refuses the user; every
                `SMTPException` is one.
        """
        settings = self._settings
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
        try:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user and settings.smtp_password_file:
                password = settings.smtp_password_file.read_text("utf-8-sig").strip()
                server.login(settings.smtp_user, password)
            yield server
        finally:
            with suppress(OSError):
                server.quit()
            server.close()


def is_final(error: Exception) -> bool:
    """Return True if an error of sending is permanent, so that a retry cannot succeed.

    That is a refusal of all recipients or of the message with a code from 500, an address that the
    server does not support, or an invalid one. An unreachable server is not.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= 500
    return isinstance(error, (smtplib.SMTPNotSupportedError, ValueError))
