"""Settings of notifications."""

from __future__ import annotations

from pathlib import Path

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Where e-mail goes; without a mail server there is only the inbox."""

    smtp_host: str = ""
    """Mail server; empty sends no e-mail at all."""
    smtp_port: int = 25
    """Port of the mail server."""
    smtp_user: str = ""
    """User to log in as; empty does not log in."""
    smtp_password_file: Path | None = None
    """File with the password of that user, read at every connection."""
    smtp_sender: str = "kieng@localhost"
    """Address that e-mails come from."""
    smtp_starttls: bool = False
    """Whether to ask for encryption, and refuse to send without it."""
