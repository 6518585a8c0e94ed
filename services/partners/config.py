"""Settings of partners."""

from __future__ import annotations

from services.agreement import config as agreement


class Settings(agreement.Settings):
    """Settings of partners: those of the kernel and of the agreement."""
