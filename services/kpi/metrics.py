"""Prometheus metrics of the KPI service; each text says what a bad value means and what to do."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS_FOLDED = Counter("kieng_kpi_records_folded", "Records that the live view has read.")
RECORDS_SKIPPED = Counter(
    "kieng_kpi_records_skipped",
    "Records of an event type that this release does not know; they change no number. Expected "
    "while some services are newer than others; else see the log for the type.",
    ["topic"],
)
FLUSH_SECONDS = Histogram(
    "kieng_kpi_flush_seconds", "Time of one transaction; growing means that the database is slow."
)
FLUSH_RECORDS_LIMIT = Gauge(
    "kieng_kpi_flush_records_limit",
    "Most records of one transaction, by the database's speed: 4000 when it is quick; near 1 it "
    "hardly keeps up.",
)
PARKED = Gauge(
    "kieng_kpi_parked",
    "Records that cannot be folded and wait to be mended or dismissed: 0 is healthy; see "
    "`kieng parked list`.",
)
PARKED_DISMISSED = Gauge(
    "kieng_kpi_parked_dismissed",
    "Records that cannot be folded and that an operator dismissed; not in kieng_kpi_parked. Many "
    "hide a broken sender: `kieng parked list --dismissed`.",
)
LOG_DIVERGED = Gauge(
    "kieng_log_diverged",
    "1 when the log is not the one the view was made of and nothing is folded: 0 is healthy; "
    "`kieng log republish`.",
)
VIEW_EVENT_TIMESTAMP = Gauge(
    "kieng_kpi_view_newest_event_timestamp_seconds", "When the newest event of the view was made."
)
WATCHERS = Gauge("kieng_kpi_watchers", "Open WatchKpis streams; the limit is in the settings.")
WATCHERS_LIMIT = Gauge("kieng_kpi_watchers_limit", "Most WatchKpis streams of this process.")

# Set by kpi.query only. The labels keep kpi.aggregator from reporting them as 0.
VALUE = Gauge(
    "kieng_value",
    "Indicator of a year at an institution or the consortium; an undefined ratio is absent.",
    ["institution", "indicator", "measure", "year"],
)
TARGET = Gauge("kieng_target", "Target of a year.", ["institution", "indicator", "year"])
JOINT_CLAIMS_OPEN = Gauge(
    "kieng_joint_claims_open",
    "Further institutions' claims on works that are declared and not verified yet.",
    ["indicator"],
)
VIEW_AGE = Gauge(
    "kieng_view_age_seconds", "Age of the newest event in the live view, however quiet.", ["view"]
)
VIEW_REFRESHED = Gauge(
    "kieng_view_refreshed_timestamp_seconds",
    "When the live view in memory was last compared with the database: standing still means down.",
    ["view"],
)
REBUILD_EVENTS_DONE = Gauge(
    "kieng_kpi_rebuild_events_done", "Events that the view being built has read; 0 without one."
)
REBUILD_EVENTS_WANTED = Gauge(
    "kieng_kpi_rebuild_events_wanted",
    "Events that it has to read. If done stands still: see the log.",
)
REBUILD_SECONDS = Gauge(
    "kieng_kpi_rebuild_seconds", "Time since a view is being built; 0 when none is."
)
