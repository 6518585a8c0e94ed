"""Metrics of the submissions service."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

OUTCOMES = ("created", "amended", "renewed", "withdrawn", "unchanged", "refused")

_INSTITUTION = ["institution"]

SUBMISSIONS = Gauge(
    "kieng_submissions",
    "Submissions by state, every 30 seconds or less often; each replica shows the same.",
    [*_INSTITUTION, "state"],
)
REVIEW_OLDEST_SECONDS = Gauge(
    "kieng_review_queue_oldest_seconds",
    "How long the oldest submission has waited for a decision since it last changed; 0 for none.",
    [*_INSTITUTION, "state"],
)
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


def preset(institutions: Iterable[str]) -> None:
    """Export the counters of these institutions as 0, so that rates include the first increment."""
    for institution in institutions:
        EVENTS_PUBLISHED.labels(institution)
        for outcome in OUTCOMES:
            ROWS_IMPORTED.labels(institution, outcome)
