"""Metrics of the partners service."""

from __future__ import annotations

from prometheus_client import Counter

EVENTS_PUBLISHED = Counter(
    "kieng_partners_events_published", "Events that the broker acknowledged.", ["topic"]
)
RELAY_FAILURES = Counter(
    "kieng_partners_relay_failures",
    "Runs of the relay that found broker or database down; nothing is lost, look at those two.",
)
