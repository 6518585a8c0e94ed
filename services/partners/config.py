"""Settings of partners."""

from __future__ import annotations

from services.agreement.config import AgreementSettings


class Settings(AgreementSettings):
    """Settings of partners: those of the kernel and of the agreement."""
