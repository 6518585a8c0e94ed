"""The cases of alerts on whoever reads the log: consumers, positions, and views that are built."""

from __future__ import annotations

from tests.monitoring.promtool_series import (
    GROUP,
    KPI,
    OF_GROUP,
    OF_PARTITION,
    OF_READER,
    READER,
    Case,
    buckets,
    growing,
)

_REFUSED = f"kieng_consumer_commit_failures_total{GROUP}"
_LOST = f"kieng_consumer_ownership_lost_total{READER}"
_LOG = '{topic="kieng.submissions.v1", partition="0"}'

ON_THE_LOG: dict[str, Case] = {
    "KiengConsumerStuck": Case(
        {f"kieng_lag_records{KPI}": "0+5x60", f"kieng_lag_position{KPI}": "70x60"},
        # Behind, but moving; and idle, but with nothing to do.
        {
            f"kieng_lag_records{KPI}": "0+5x60",
            f"kieng_lag_position{KPI}": "70+1x60",
            'kieng_lag_records{group="idle", topic="t", partition="0"}': "0x60",
            'kieng_lag_position{group="idle", topic="t", partition="0"}': "70x60",
        },
        "16m",
        OF_PARTITION,
        quiet_at="4m",
    ),
    "KiengLagHigh": Case(
        {f"kieng_lag_seconds{KPI}": "400x40"},
        {f"kieng_lag_seconds{KPI}": "200x40"},
        "6m",
        OF_READER,
        quiet_at="4m",
    ),
    "KiengLagUnknown": Case(
        {
            f"kieng_lag_no_position{KPI}": "1x60",
            f"kieng_log_start_offset{_LOG}": "0x60",
            f"kieng_log_end_offset{_LOG}": "9x60",
        },
        # A topic that nobody ever wrote to has nothing to be read.
        {
            f"kieng_lag_no_position{KPI}": "1x60",
            f"kieng_log_start_offset{_LOG}": "0x60",
            f"kieng_log_end_offset{_LOG}": "0x60",
        },
        "11m",
        OF_PARTITION,
        quiet_at="9m",
    ),
    "KiengLagMissing": Case(
        {}, {f"kieng_lag_records{KPI}": "0x60"}, "11m", {"service": "exporter"}, quiet_at="9m"
    ),
    "KiengPositionOutsideLog": Case(
        {f"kieng_lag_position_outside_log{KPI}": "1x40"},
        {f"kieng_lag_position_outside_log{KPI}": "0x40"},
        "3m",
        OF_PARTITION,
        quiet_at="1m",
    ),
    "KiengLogDiverged": Case(
        growing("kieng_log_diverged", "0x2 1x40"),
        growing("kieng_log_diverged", "0x42"),
        "3m",
        quiet_at="90s",
    ),
    "KiengDeadLetters": Case(
        growing(f"kieng_consumer_records_dead_lettered_total{READER}", "0x2 1x40"),
        growing(f"kieng_consumer_records_dead_lettered_total{READER}", "7x42"),
        "4m",
        OF_READER,
        quiet_at="2m",
    ),
    "KiengRecordsParked": Case(
        growing("kieng_kpi_parked", "3x60"),
        growing("kieng_kpi_parked", "0x60"),
        "11m",
        quiet_at="9m",
    ),
    "KiengRebalancing": Case(
        growing(f"kieng_consumer_rebalances_total{GROUP}", "0+1x60"),
        growing(f"kieng_consumer_rebalances_total{GROUP}", "0 1 2 3x60"),
        "20m",
        OF_GROUP,
        quiet_at="8m",
    ),
    "KiengOwnershipContested": Case(
        growing(_LOST, "0+0.3x60"),
        growing(_LOST, "0 1x60"),
        "20m",
        OF_READER,
        quiet_at="12m",
    ),
    "KiengCommitsRefused": Case(
        growing(_REFUSED, "0+0.3x60"),
        growing(_REFUSED, "0 1x60"),
        "20m",
        OF_GROUP,
        quiet_at="12m",
    ),
    "KiengFlushSlow": Case(
        buckets("kieng_kpi_flush_seconds_bucket", "", slow=8),
        buckets("kieng_kpi_flush_seconds_bucket", "", slow=1),
        "12m",
        quiet_at="9m",
    ),
    "KiengRebuildStuck": Case(
        {"kieng_kpi_rebuild_seconds": "0+30x80", "kieng_kpi_rebuild_events_done": "500x80"},
        # A large one takes long and goes on; and a rebuild that is over shows nothing.
        {
            'kieng_kpi_rebuild_seconds{instance="a"}': "0+30x80",
            'kieng_kpi_rebuild_events_done{instance="a"}': "0+500x80",
            'kieng_kpi_rebuild_seconds{instance="query"}': "0x80",
            'kieng_kpi_rebuild_events_done{instance="query"}': "0x80",
        },
        "21m",
        quiet_at="19m",
    ),
}
