"""Settings of notifications."""

from __future__ import annotations

from pathlib import Path

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of e-mail; without a mail server there is only the inbox."""

    smtp_host: str = ""
    """Mail server; empty sends no e-mail at all."""
    smtp_port: int = 25
    """Port of the mail server."""
    smtp_user: str = ""
    """User to log in as; empty for no login."""
    smtp_password_file: Path | None = None
    """File with the password of that user, read on every connection."""
    smtp_sender: str = "kieng@localhost"
    """Sender address of e-mails."""
    smtp_starttls: bool = False
    """Whether to require STARTTLS; without it nothing is sent."""
