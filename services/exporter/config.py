"""Settings of the exporter."""

from __future__ import annotations

from pathlib import Path

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of the exporter, beside those of the kernel."""

    disk_folder: Path | None = None
    """Folder whose disk is watched, beside the disks that the brokers and the database report."""
