"""Typed settings of the exporter."""

from __future__ import annotations

from pathlib import Path

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of the exporter in addition to those that every service has."""

    disk_folder: Path | None = None
    """Folder whose disk is measured in addition to those that brokers and database report."""
