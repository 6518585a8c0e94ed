"""The board of calls: rate, errors and duration, and what each service does beside."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from panels import THIRD, board, choice, lines, number, title

METHOD = "{{grpc_service}} {{grpc_method}}"
OF_SERVICE = 'grpc_service=~"$grpc_service"'
UNARY = f'grpc_type="unary", {OF_SERVICE}'
QUANTILE = (
    "histogram_quantile(%s, sum by (grpc_service, grpc_method, le) "
    f"(rate(grpc_server_handling_seconds_bucket{{{UNARY}}}[$__rate_interval])))"
)
OURS = "and on (job, instance) kieng_service_info"


def services() -> Dashboard:
    """Return the board."""
    return _portal(_submissions(_calls(_summary())))


def _summary() -> Dashboard:
    return (
        board("kieng-services", "Dịch vụ", "Services")
        .with_variable(choice("grpc_service", "Dịch vụ · Service", "grpc_server_started_total"))
        .with_panel(number("Tiến trình đang chạy", "Processes", "count(kieng_service_info)"))
        .with_panel(
            number(
                "Cuộc gọi mỗi giây",
                "Calls a second",
                "sum(rate(grpc_server_handled_total[5m]))",
                "reqps",
            )
        )
        .with_panel(
            number(
                "Tỷ lệ lỗi cao nhất",
                "Highest share of errors",
                "max(kieng:grpc_errors:ratio_rate5m) or vector(0)",
                "percentunit",
                bad_from=0.05,
            )
        )
        .with_panel(
            number(
                "Sự kiện chờ lâu nhất",
                "Oldest event that waits",
                "max(kieng_submissions_outbox_oldest_seconds)",
                "s",
                bad_from=120,
            )
        )
    )


def _calls(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Cuộc gọi", "Calls")))
        .with_panel(
            lines(
                "Số cuộc gọi",
                "Rate",
                (f"kieng:grpc_calls:rate5m{{{OF_SERVICE}}}", METHOD),
                unit="reqps",
            )
        )
        .with_panel(
            lines(
                "Kết quả",
                "By status",
                (
                    f"sum by (grpc_code) (rate(grpc_server_handled_total{{{OF_SERVICE}}}"
                    "[$__rate_interval]))",
                    "{{grpc_code}}",
                ),
                unit="reqps",
            )
        )
        .with_panel(
            lines(
                "Tỷ lệ lỗi của hệ thống",
                "Share of our errors",
                (f"kieng:grpc_errors:ratio_rate5m{{{OF_SERVICE}}}", "{{grpc_service}}"),
                unit="percentunit",
            )
        )
        .with_panel(
            lines(
                "Cuộc gọi đang chạy",
                "Calls that run",
                ("kieng_grpc_calls_running " + OURS, "{{instance}}"),
                ("kieng_grpc_calls_waiting " + OURS, "{{instance}} waiting"),
            )
        )
        .with_panel(
            lines(
                "Thời gian trung vị",
                "Median duration",
                (QUANTILE % "0.5", METHOD),
                unit="s",
            )
        )
        .with_panel(
            lines(
                "Thời gian, phân vị 99",
                "99th percentile of duration",
                (QUANTILE % "0.99", METHOD),
                unit="s",
            )
        )
    )


def _submissions(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Hồ sơ và thông báo", "Submissions and notifications")))
        .with_panel(
            lines(
                "Hồ sơ chờ phát sự kiện",
                "Submissions with events that wait",
                ("max by (institution) (kieng_submissions_outbox_pending)", "{{institution}}"),
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Sự kiện đã phát",
                "Events published",
                (
                    "sum by (institution) (rate(kieng_submissions_events_published_total"
                    "[$__rate_interval]))",
                    "{{institution}}",
                ),
                unit="cps",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Dòng đã nhập",
                "Rows imported",
                (
                    "sum by (institution, outcome) (rate(kieng_submissions_rows_imported_total"
                    "[$__rate_interval]))",
                    "{{institution}} {{outcome}}",
                ),
                unit="cps",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Thông báo",
                "Notifications",
                (
                    "sum by (kind) (rate(kieng_notifications_made_total[$__rate_interval]))",
                    "{{kind}}",
                ),
                unit="cps",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Thư điện tử",
                "E-mails",
                (
                    "sum by (outcome) (rate(kieng_notifications_mails_total[$__rate_interval]))",
                    "{{outcome}}",
                ),
                unit="cps",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Lỗi phát và gửi",
                "Failures of relay and mail",
                ("sum(increase(kieng_partners_relay_failures_total[5m]))", "partners"),
                ("sum(increase(kieng_notifications_mail_server_failures_total[5m]))", "mail"),
                span=THIRD,
            )
        )
    )


def _portal(made: Dashboard) -> Dashboard:
    quantile = (
        "histogram_quantile(0.99, sum by (page, le) "
        "(rate(kieng_portal_request_seconds_bucket[$__rate_interval])))"
    )
    blocked = (
        "histogram_quantile(0.99, sum by (le) "
        "(rate(kieng_portal_loop_blocked_seconds_bucket[$__rate_interval])))"
    )
    return (
        made.with_row(Row(title("Cổng thông tin", "Portal")))
        .with_panel(
            lines(
                "Trang và lời gọi HTTP",
                "Pages and calls by HTTP",
                (
                    "sum by (status) (rate(kieng_portal_requests_total[$__rate_interval]))",
                    "{{status}}",
                ),
                unit="reqps",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Thời gian trả trang, phân vị 99",
                "99th percentile of a page's duration",
                (quantile, "{{page}}"),
                (blocked, "event loop blocked"),
                unit="s",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Trang đang cập nhật trực tiếp",
                "Pages that are updated live",
                ("sum(kieng_portal_live_pages)", "open"),
                ("sum(kieng_portal_live_pages_limit)", "limit"),
                (
                    "sum by (reason) (rate(kieng_portal_refused_total[$__rate_interval]))",
                    "refused: {{reason}}",
                ),
                span=THIRD,
            )
        )
    )
