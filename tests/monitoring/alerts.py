"""For every alert: series under which it fires, and series under which it must not.

Values are promtool's notation: `1x40` is 1 at every step (30 seconds), `0+5x40` grows by 5 a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Series = dict[str, str]

SERVICES = (
    *("partners", "submissions", "kpi.aggregator", "kpi.query", "notifications", "exporter"),
)
ALL_THERE = {f'kieng_service_info{{service="{name}"}}': "1x240" for name in SERVICES}
KPI = '{group="kieng.kpi", topic="kieng.submissions.v1", partition="0"}'
OF_GROUP = {"group": "kieng.kpi"}
OF_READER = {**OF_GROUP, "topic": "kieng.submissions.v1"}
OF_PARTITION = {**OF_READER, "partition": "0"}
PROCESS = '{instance="a:1", job="kieng"}'
OF_PROCESS = {"instance": "a:1", "job": "kieng"}
SERVICE = 'grpc_type="unary", grpc_service="kieng.kpi.v1.KpiService", grpc_method="GetKpis"'
OF_SERVICE = {"grpc_service": "kieng.kpi.v1.KpiService"}


@dataclass(frozen=True)
class Case:
    """One alert: ``bad`` series fire it by ``fires_at`` with these labels, ``good`` ones never do.

    ``quiet_at`` is a time at which the bad series exist and it does not fire yet; empty when it may
    fire at once.
    """

    bad: Series
    good: Series
    fires_at: str
    labels: dict[str, str] = field(default_factory=dict)
    quiet_at: str = ""


def process(number: str) -> Series:
    return {f"kieng_service_info{PROCESS}": "1x240", number: "1x240"}


def share(busy: str, limit: str, labels: str = PROCESS) -> tuple[Series, Series]:
    """Of 32 places 31 are taken, and 16 are."""
    all_places = {f"{limit}{labels}": "32x40"}
    return {f"{busy}{labels}": "31x40", **all_places}, {f"{busy}{labels}": "16x40", **all_places}


def disk(part: str, free: int) -> Series:
    labels = f'{{instance="a:1", part="{part}"}}'
    return {
        f"kieng_disk_free_bytes{labels}": f"{free}x40",
        f"kieng_disk_bytes{labels}": "100x40",
    }


def handled(code: str, step: int) -> Series:
    name = f'grpc_server_handled_total{{{SERVICE}, grpc_code="{code}"}}'
    return {name: f"0+{step}x60"}


def buckets(name: str, labels: str, slow: float) -> Series:
    """100 observations a step, all below 10 seconds, `slow` of them above 1 second."""
    comma = ", " if labels else ""
    return {
        f'{name}{{{labels}{comma}le="{bound}"}}': f"0+{count}x60"
        for bound, count in (("1.0", 100 - slow), ("10.0", 100), ("+Inf", 100))
    }


def growing(name: str, step: str) -> Series:
    return {name: step}


HERE = {"namespace": "here", "instance": "a:1"}


def here(name: str, values: str) -> Series:
    return {f'{name}{{namespace="here", instance="a:1"}}': values}


def elsewhere(name: str, values: str) -> Series:
    """The same of another installation that the same Prometheus looks at."""
    return {f'{name}{{namespace="elsewhere", instance="b:1"}}': values}


_REFUSED = f'kieng_consumer_commit_failures_total{{group="kieng.kpi", {PROCESS[1:]}'
_REBALANCES = f'kieng_consumer_rebalances_total{{group="kieng.kpi", {PROCESS[1:]}'
_LOST = (
    "kieng_consumer_ownership_lost_total"
    f'{{group="kieng.kpi", topic="kieng.submissions.v1", {PROCESS[1:]}'
)
_DEAD = (
    "kieng_consumer_records_dead_lettered_total"
    f'{{group="kieng.kpi", topic="kieng.submissions.v1", {PROCESS[1:]}'
)
_LOG = '{topic="kieng.submissions.v1", partition="0"}'
_REVIEW = 'kieng_review_queue_oldest_seconds{institution="vnu", state="submitted"}'
_OUTBOX = 'kieng_submissions_outbox_oldest_seconds{institution="vnu"}'

CASES: dict[str, Case] = {
    "KiengServiceMissing": Case(
        {name: value for name, value in ALL_THERE.items() if "query" not in name},
        ALL_THERE,
        "3m",
        {"service": "kpi.query"},
        quiet_at="1m",
    ),
    "KiengRestarting": Case(
        {
            f"kieng_service_info{PROCESS}": "1x60",
            f"process_start_time_seconds{PROCESS}": "1+0x9 2+0x9 3+0x9 4+0x9 5+0x9",
        },
        {
            f"kieng_service_info{PROCESS}": "1x60",
            f"process_start_time_seconds{PROCESS}": "1+0x19 2+0x40",
        },
        "23m",
        OF_PROCESS,
        quiet_at="20m",
    ),
    "KiengFilesRunningOut": Case(
        {
            f"kieng_service_info{PROCESS}": "1x40",
            f"process_open_fds{PROCESS}": "900x40",
            f"process_max_fds{PROCESS}": "1000x40",
        },
        {
            f"kieng_service_info{PROCESS}": "1x40",
            f"process_open_fds{PROCESS}": "700x40",
            f"process_max_fds{PROCESS}": "1000x40",
            'process_open_fds{instance="of another job"}': "999x40",
            'process_max_fds{instance="of another job"}': "1000x40",
        },
        "6m",
        OF_PROCESS,
        quiet_at="4m",
    ),
    "KiengWatchdog": Case({}, {}, "0m"),
    # Another installation's is well, which says nothing of this one.
    "KiengBrokerDown": Case(
        {**here("kieng_broker_up", "1x2 0x40"), **elsewhere("kieng_broker_up", "1x42")},
        {**here("kieng_broker_up", "1x2 0 1x40"), **elsewhere("kieng_broker_up", "1x42")},
        "3m",
        HERE,
        quiet_at="2m",
    ),
    "KiengDatabaseDown": Case(
        {**here("kieng_database_up", "1x2 0x40"), **elsewhere("kieng_database_up", "1x42")},
        {**here("kieng_database_up", "1x2 0 1x40"), **elsewhere("kieng_database_up", "1x42")},
        "3m",
        HERE,
        quiet_at="2m",
    ),
    "KiengDiskFilling": Case(
        {**disk("broker-1", 9), **disk("database", 50), **disk("folder", 50)},
        {**disk("broker-1", 11), **disk("database", 50), **disk("folder", 50)},
        "6m",
        {"instance": "a:1", "part": "broker-1"},
        quiet_at="4m",
    ),
    "KiengDatabaseConnectionsFull": Case(
        *share("kieng_mongo_connections_busy", "kieng_mongo_connections_limit"),
        "6m",
        OF_PROCESS,
        quiet_at="4m",
    ),
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
        growing(_DEAD, "0x2 1x40"), growing(_DEAD, "7x42"), "4m", OF_READER, quiet_at="2m"
    ),
    "KiengRecordsParked": Case(
        growing("kieng_kpi_parked", "3x60"),
        growing("kieng_kpi_parked", "0x60"),
        "11m",
        quiet_at="9m",
    ),
    "KiengRebalancing": Case(
        growing(_REBALANCES, "0+1x60"),
        growing(_REBALANCES, "0 1 2 3x60"),
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
    "KiengGrpcErrors": Case(
        {**handled("OK", 90), **handled("INTERNAL", 10)},
        # What callers do wrong is no alert of ours.
        {**handled("OK", 90), **handled("NOT_FOUND", 30), **handled("INTERNAL", 1)},
        "7m",
        OF_SERVICE,
        quiet_at="4m",
    ),
    "KiengGrpcSlow": Case(
        buckets("grpc_server_handling_seconds_bucket", SERVICE, slow=1.2),
        {
            **buckets("grpc_server_handling_seconds_bucket", SERVICE, slow=0),
            # A stream lives as long as somebody listens.
            **buckets(
                "grpc_server_handling_seconds_bucket",
                SERVICE.replace("unary", "server_stream"),
                slow=100,
            ),
        },
        "12m",
        OF_SERVICE,
        quiet_at="9m",
    ),
    "KiengGrpcThreadsFull": Case(
        *share("kieng_grpc_calls_running", "kieng_grpc_threads_limit"),
        "6m",
        OF_PROCESS,
        quiet_at="4m",
    ),
    "KiengWatchersFull": Case(
        {f"kieng_kpi_watchers{PROCESS}": "16x40", f"kieng_kpi_watchers_limit{PROCESS}": "16x40"},
        # The aggregator has neither watchers nor a limit.
        {
            f"kieng_kpi_watchers{PROCESS}": "15x40",
            f"kieng_kpi_watchers_limit{PROCESS}": "16x40",
            'kieng_kpi_watchers{instance="aggregator"}': "0x40",
            'kieng_kpi_watchers_limit{instance="aggregator"}': "0x40",
        },
        "11m",
        OF_PROCESS,
        quiet_at="9m",
    ),
    "KiengViewStale": Case(
        {
            **here("kieng_view_refreshed_timestamp_seconds", "0x40"),
            **elsewhere("kieng_view_refreshed_timestamp_seconds", "0+30x40"),
        },
        # One of two query processes hangs; the other one answers.
        {
            'kieng_view_refreshed_timestamp_seconds{view="g1-c1-f1", instance="a"}': "0x40",
            'kieng_view_refreshed_timestamp_seconds{view="g1-c1-f1", instance="b"}': "0+30x40",
        },
        "3m",
        {"namespace": "here"},
        quiet_at="2m",
    ),
    "KiengNoLiveView": Case(
        {},
        growing('kieng_view_refreshed_timestamp_seconds{view="g1-c1-f1"}', "0+30x40"),
        "11m",
        {"service": "kpi.query"},
        quiet_at="9m",
    ),
    "KiengInstitutionMissing": Case(
        # It moved from one release to none, while the other institutions of both are there.
        {
            'kieng_submissions{namespace="here", institution="vnu", state="draft"}': "0x300",
            'kieng_submissions{namespace="here", institution="hust", state="draft"}': "7x40 _x260",
            'kieng_submissions{namespace="elsewhere", institution="ptit", state="draft"}': "1x300",
        },
        # A pod that is replaced is away for less than that; and 0 submissions are no absence.
        {
            'kieng_submissions{namespace="here", institution="vnu", state="draft"}': "0x300",
            'kieng_submissions{namespace="here", institution="hust", pod="a"}': "7x40 _x260",
            'kieng_submissions{namespace="here", institution="hust", pod="b"}': "_x45 7x255",
        },
        "31m",
        {"namespace": "here", "institution": "hust"},
        quiet_at="29m",
    ),
    "KiengOutboxWaiting": Case(
        {_OUTBOX: "200x40"}, {_OUTBOX: "100x40"}, "4m", {"institution": "vnu"}, quiet_at="2m"
    ),
    "KiengReviewQueueOld": Case(
        {_REVIEW: "1300000x240"},
        {_REVIEW: "1200000x240"},
        "61m",
        {"institution": "vnu"},
        quiet_at="59m",
    ),
    "KiengMailRefused": Case(
        growing("kieng_notifications_mail_server_failures_total", "0+0.2x60"),
        growing("kieng_notifications_mail_server_failures_total", "0 1x60"),
        "20m",
        quiet_at="11m",
    ),
    "KiengPartnersNotPublished": Case(
        growing("kieng_partners_relay_failures_total", "0+1x60"),
        growing("kieng_partners_relay_failures_total", "0 1x60"),
        "20m",
        quiet_at="8m",
    ),
}
