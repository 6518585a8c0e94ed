"""Creates the ids of submissions, requests and events."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    """Return a new UUID version 7; such ids sort by creation time."""
    return str(uuid_utils.uuid7())


def new_submission_id(institution_id: str) -> str:
    """Return a new submission id, `<institution id>.<UUID>`, which shows its owner."""
    return f"{institution_id}.{new_id()}"
