"""For every alert: series under which it fires, and series under which it must not."""

from __future__ import annotations

from tests.monitoring.log_alerts import ON_THE_LOG
from tests.monitoring.promtool_series import (
    ALL_THERE,
    HERE,
    OF_PROCESS,
    OF_SERVICE,
    PROCESS,
    SERVICE,
    Case,
    buckets,
    disk,
    elsewhere,
    growing,
    handled,
    here,
    share,
)

_REVIEW = 'kieng_review_queue_oldest_seconds{institution="vnu", state="submitted"}'

CASES: dict[str, Case] = {
    **ON_THE_LOG,
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
        {'kieng_submissions_outbox_oldest_seconds{institution="vnu"}': "200x40"},
        {'kieng_submissions_outbox_oldest_seconds{institution="vnu"}': "100x40"},
        "4m",
        {"institution": "vnu"},
        quiet_at="2m",
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
