"""Typed settings of the partners service."""

from __future__ import annotations

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of the partners service: only those of every service."""
