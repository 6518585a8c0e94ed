"""E-mail: renders notifications as messages and connects to the mail server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from services.notifications.config import Settings
from services.notifications.domain import Language, Notification
from services.notifications.texts import render

TIMEOUT_SECONDS = 10.0


def compose(
    notification: Notification, language: Language, *, sender: str, receiver: str, now: datetime
) -> EmailMessage:
    """Return the e-mail of a notification.

    Its Message-ID is the same in every attempt, so a mailbox can detect duplicates.

    Args:
        notification: notification to render.
        language: language of the texts.
        sender: sender address.
        receiver: recipient address.
        now: date of the message.

    Raises:
        ValueError: an address is not valid in a header.
    """
    subject, body = render(notification, language)
    message = EmailMessage()
    message["From"] = Address(display_name="Kiềng", addr_spec=sender)
    message["To"] = Address(addr_spec=receiver)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notification.notification_id}@kieng.notifications>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = str(language)
    message.set_content(body)
    return message


class MailServer:
    """The mail server of the settings. Used by one thread.

    Args:
        settings: host, port and credential.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.sender = settings.smtp_sender

    @property
    def is_configured(self) -> bool:
        """Whether a mail server is configured."""
        return bool(self._settings.smtp_host)

    @contextmanager
    def connect(self) -> Iterator[smtplib.SMTP]:
        """Yield a connection, logged in if a user is configured.

        Raises:
            OSError: the server cannot be reached or refuses the credential (`SMTPException` too).
        """
        settings = self._settings
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
        try:
            if settings.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user and settings.smtp_password_file:
                password = settings.smtp_password_file.read_text().strip()
                server.login(settings.smtp_user, password)
            yield server
        finally:
            with suppress(OSError):
                server.quit()
            server.close()


def is_final(error: Exception) -> bool:
    """Return True if a failure is permanent, so that no retry can succeed."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= 500
    return isinstance(error, (smtplib.SMTPNotSupportedError, ValueError))
