"""Settings of partners."""

from __future__ import annotations

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """The kernel's settings are all it needs."""
