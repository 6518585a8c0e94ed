"""Metrics of the portal."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "kieng_portal_requests",
    "Requests that were answered, by page and status.",
    ["page", "status"],
)
SECONDS = Histogram("kieng_portal_request_seconds", "Time to answer a request.", ["page"])
LIVE = Gauge("kieng_portal_live_pages", "Pages that are updated live now.")
LIVE_LIMIT = Gauge("kieng_portal_live_pages_limit", "Most pages updated live at once.")
REFUSED = Counter(
    "kieng_portal_refused",
    "Requests that the portal refused itself: too many, too large, or forged.",
    ["reason"],
)
BLOCKED = Histogram(
    "kieng_portal_loop_blocked_seconds",
    "Processor time by which the event loop was late, measured 50 times a second.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
REFUSALS = ("rate", "size", "forged")
STATUSES = ("200", "500")


def preset(pages: Iterable[str]) -> None:
    """Export the counters of these pages as 0, so that rates include the first increment.

    Requests get a counter for each page and each status in `STATUSES`.

    Args:
        pages: paths of the routes, as in label `page`.
    """
    for page in pages:
        SECONDS.labels(page)
        for status in STATUSES:
            REQUESTS.labels(page, status)
    for reason in REFUSALS:
        REFUSED.labels(reason)
