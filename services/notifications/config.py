"""Typed settings of the notifications service."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from services.kernel.config import KernelSettings
from services.notifications.addresses import address_of


class Settings(KernelSettings):
    """Settings of e-mail in addition to those of every service.

    Without a mail server notifications are delivered to inboxes only.
    """

    smtp_host: str = ""
    """Host name of the mail server; if empty, no e-mail is sent."""
    smtp_port: int = 25
    """Port of the mail server."""
    smtp_user: str = ""
    """User to log in as at the mail server; empty for no login."""
    smtp_password_file: Path | None = None
    """File that holds the password of that user; read at every connection."""
    smtp_sender: str = "kieng@localhost"
    """Sender address of e-mails."""
    smtp_starttls: bool = False
    """Whether to require STARTTLS: if the server does not offer it, no e-mail is sent."""

    @field_validator("smtp_sender")
    @classmethod
    def _is_address(cls, sender: str) -> str:
        address_of(sender)
        return sender
