"""Typed settings of the partners service."""

from __future__ import annotations

from services.agreement import config as agreement


class Settings(agreement.Settings):
    """Settings of the partners service: those of every service and those of proposals."""
