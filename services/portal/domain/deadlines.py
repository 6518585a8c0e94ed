"""When a decision about a submission is due, and which ones are late or nearly so."""

from __future__ import annotations

from datetime import datetime, timedelta

DECIDED_WITHIN = timedelta(days=14)
"""How long a decision may take, as for the alert KiengReviewQueueOld."""
SOON = timedelta(days=7)
URGENCIES = ("overdue", "soon")


def due(changed: datetime) -> datetime:
    """Return the time until which a decision is due.

    Args:
        changed: when the submission was last changed, i.e. since when it waits.
    """
    return changed + DECIDED_WITHIN


def is_due(urgency: str, changed: datetime, now: datetime) -> bool:
    """Return whether a decision is overdue, or due within `SOON`.

    Args:
        urgency: `overdue`, or `soon`, which includes what is overdue.
        changed: when the submission was last changed.
        now: the present time.
    """
    left = due(changed) - now
    return left < (SOON if urgency == "soon" else timedelta())
