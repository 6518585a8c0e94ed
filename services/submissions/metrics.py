"""Metrics of the submissions service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

_INSTITUTION = ["institution_id"]

OUTBOX_PENDING = Gauge(
    "kieng_submissions_outbox_pending",
    "Submissions with unpublished events; grows while the broker is down: look at the broker.",
    _INSTITUTION,
)
OUTBOX_OLDEST_SECONDS = Gauge(
    "kieng_submissions_outbox_oldest_seconds",
    "Age of the oldest unpublished event seen in the last round; 0 when there is none.",
    _INSTITUTION,
)
EVENTS_PUBLISHED = Counter(
    "kieng_submissions_events_published",
    "Events that the broker acknowledged, repeats included.",
    _INSTITUTION,
)
ROWS_IMPORTED = Counter(
    "kieng_submissions_rows_imported",
    "Imported rows by outcome; many `refused` ones: the sending system needs mending.",
    [*_INSTITUTION, "outcome"],
)
