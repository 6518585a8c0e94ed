"""Typed settings of the submissions service."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.kernel.config import KernelSettings


def _names(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if given.lstrip().startswith("["):
        return json.loads(given)
    return [name.strip() for name in given.split(",") if name.strip()]


class Settings(KernelSettings):
    """Settings of the submissions service in addition to those that every service has."""

    institutions: Annotated[
        tuple[Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")], ...],
        NoDecode,
        BeforeValidator(_names),
        Field(min_length=1),
    ]
    """Ids of the institutions whose submissions are stored here: a JSON list or comma-separated."""
    partners_address: str = "127.0.0.1:50052"
    """gRPC address of the partners service, `host:port`."""
