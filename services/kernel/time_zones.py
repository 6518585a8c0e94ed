"""Names of time zones in settings."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write e.g. Asia/Ho_Chi_Minh") from None
    return name


ZoneName = Annotated[str, AfterValidator(_known)]
"""Name of a time zone of the IANA database; another one is refused with a remedy."""
