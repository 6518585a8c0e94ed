"""Settings of partners."""

from __future__ import annotations

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of partners: only those of the kernel."""
