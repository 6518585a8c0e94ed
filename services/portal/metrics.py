"""Metrics of the portal."""

from __future__ import annotations

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
