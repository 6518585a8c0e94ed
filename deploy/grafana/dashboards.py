"""Writes the four dashboards to helm/kieng/files/grafana-dashboards, their only place.

.venv/bin/python deploy/grafana/dashboards.py           # writes them
.venv/bin/python deploy/grafana/dashboards.py --check   # exit 1 when a file is not current
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import yaml
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder

sys.path.insert(0, str(Path(__file__).resolve().parent))
from panels import HALF, THIRD, WHOLE, bars, board, choice, lines, number, rows, title

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "helm" / "kieng" / "files" / "grafana-dashboards"
INDICATORS = ROOT / "deploy" / "catalogue" / "indicators.yaml"

CHOSEN = 'institution=~"$institution", indicator=~"$indicator"'
OURS = "and on (job, instance) kieng_service_info"
SECONDS = "grpc_server_handling_seconds_bucket"
UNARY = 'grpc_type="unary", grpc_service=~"$grpc_service"'


def indicator_names() -> dict[str, str]:
    """Return code -> code with both names."""
    listed = yaml.safe_load(INDICATORS.read_text(encoding="utf-8"))["indicators"]
    return {
        each["code"]: f"{each['code']} {each['name']['vi']} · {each['name']['en']}"
        for each in listed
    }


def kpi() -> Dashboard:
    """Return the board of the numbers: each university and the consortium against its targets."""
    values = "max by (institution, indicator) (kieng_value{%s, %s})"
    verified = values % (CHOSEN, 'measure="verified"')
    declared = values % (CHOSEN, 'measure="declared"')
    of_one = 'max by (indicator) (kieng_value{institution="$unit", measure="%s"})'
    unit = choice("unit", "Bảng của · Table of", "kieng_value").multi(False).include_all(False)
    unit = unit.query("label_values(kieng_value, institution)")
    aim = 'max by (indicator) (kieng_target{institution="$unit"})'
    reached = 'max by (indicator) (kieng:target_attainment:ratio{institution="$unit"})'
    series = "{{institution}} {{indicator}}"
    return (
        board("kieng-kpi", "Chỉ số của ba đại học", "Indicators of the universities")
        .with_variable(choice("institution", "Đơn vị · Institution", "kieng_value"))
        .with_variable(choice("indicator", "Chỉ số · Indicator", "kieng_value"))
        .with_variable(unit)
        .with_panel(number("Sự kiện mới nhất", "Newest event", "min(kieng_view_age_seconds)", "s"))
        .with_panel(
            number(
                "Trễ của số liệu",
                "Lag of the numbers",
                'max(kieng:lag_seconds:max{group="kieng.kpi"})',
                "s",
                bad_from=300,
            )
        )
        .with_panel(
            number(
                "Bản ghi không tính được",
                "Records that cannot be counted",
                "max(kieng_kpi_parked)",
                bad_from=1,
            )
        )
        .with_panel(
            number(
                "Chỉ tiêu đã đạt",
                "Targets reached",
                "count(kieng:target_attainment:ratio >= 1) or vector(0)",
            )
        )
        .with_row(Row(title("So với chỉ tiêu năm", "Against this year's targets")))
        .with_panel(
            bars(
                "Mức đạt chỉ tiêu",
                "Share of the target",
                (f"kieng:target_attainment:ratio{{{CHOSEN}}}", series),
                "percentunit",
                WHOLE,
            )
        )
        .with_panel(
            rows(
                "Năm nay",
                "This year",
                {
                    "Đã thẩm định · Verified": of_one % "verified",
                    "Đã khai · Declared": of_one % "declared",
                    "Chỉ tiêu · Target": aim,
                    "Mức đạt · Share": reached,
                },
                "indicator",
                indicator_names(),
            )
        )
        .with_row(Row(title("Diễn biến", "Over time")))
        .with_panel(lines("Đã thẩm định", "Verified", (verified, series)))
        .with_panel(lines("Đã khai", "Declared", (declared, series)))
        .with_panel(
            lines(
                "Chỉ tiêu",
                "Targets",
                (f"max by (institution, indicator) (kieng_target{{{CHOSEN}}})", series),
            )
        )
        .with_panel(
            lines(
                "Đã khai, chưa thẩm định",
                "Declared and not verified",
                (f"{declared} - {verified}", series),
            )
        )
        .with_row(Row(title("Việc đang chờ", "Work that waits")))
        .with_panel(
            lines(
                "Hồ sơ theo trạng thái",
                "Submissions by state",
                ('kieng:submissions:max{institution=~"$institution"}', "{{institution}} {{state}}"),
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Chờ quyết định lâu nhất",
                "Longest wait for a decision",
                (
                    "max by (institution, state) (kieng_review_queue_oldest_seconds"
                    '{institution=~"$institution"})',
                    "{{institution}} {{state}}",
                ),
                unit="s",
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Kê khai chung chưa thẩm định",
                "Open joint claims",
                (
                    'max by (indicator) (kieng_joint_claims_open{indicator=~"$indicator"})',
                    "{{indicator}}",
                ),
                span=THIRD,
            )
        )
    )


def services() -> Dashboard:
    """Return the board of calls: rate, errors and duration, and what each service does beside."""
    method = "{{grpc_service}} {{grpc_method}}"
    of_service = 'grpc_service=~"$grpc_service"'
    seconds = (
        "histogram_quantile(%s, sum by (grpc_service, grpc_method, le) "
        "(rate(%s{%s}[$__rate_interval])))"
    )
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
        .with_row(Row(title("Cuộc gọi", "Calls")))
        .with_panel(
            lines(
                "Số cuộc gọi",
                "Rate",
                (f"kieng:grpc_calls:rate5m{{{of_service}}}", method),
                unit="reqps",
            )
        )
        .with_panel(
            lines(
                "Kết quả",
                "By status",
                (
                    f"sum by (grpc_code) (rate(grpc_server_handled_total{{{of_service}}}"
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
                (f"kieng:grpc_errors:ratio_rate5m{{{of_service}}}", "{{grpc_service}}"),
                unit="percentunit",
            )
        )
        .with_panel(
            lines(
                "Cuộc gọi đang chạy",
                "Calls that run",
                ("kieng_grpc_calls_running " + OURS, "{{instance}}"),
            )
        )
        .with_panel(
            lines(
                "Thời gian trung vị",
                "Median duration",
                (seconds % ("0.5", SECONDS, UNARY), method),
                unit="s",
            )
        )
        .with_panel(
            lines(
                "Thời gian, phân vị 99",
                "99th percentile of duration",
                (seconds % ("0.99", SECONDS, UNARY), method),
                unit="s",
            )
        )
        .with_row(Row(title("Hồ sơ và thông báo", "Submissions and notifications")))
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


def kafka() -> Dashboard:
    """Return the board of consumers: lag from outside and inside, what went wrong, the log."""
    chosen = 'group=~"$group"'
    reader = "{{group}} {{topic}}/{{partition}}"
    return (
        board("kieng-kafka", "Kafka và các nhóm đọc", "Kafka")
        .with_variable(choice("group", "Nhóm · Group", "kieng_lag_no_position"))
        .with_panel(number("Kafka trả lời", "Broker answers", "min(kieng_broker_up)", good_from=1))
        .with_panel(
            number("Trễ lớn nhất", "Highest lag", "max(kieng_lag_seconds)", "s", bad_from=300)
        )
        .with_panel(number("Bản ghi để riêng", "Parked", "max(kieng_kpi_parked)", bad_from=1))
        .with_panel(number("Lệch nhật ký", "Log diverged", "max(kieng_log_diverged)", bad_from=1))
        .with_row(Row(title("Nhìn từ bên ngoài", "Seen from outside")))
        .with_panel(
            lines(
                "Trễ theo thời gian",
                "Lag in seconds",
                (f"kieng_lag_seconds{{{chosen}}}", reader),
                unit="s",
                about="Age of the oldest record that waits. Measured by the exporter, so "
                "it is there while every consumer is down.",
            )
        )
        .with_panel(
            lines("Trễ theo bản ghi", "Lag in records", (f"kieng_lag_records{{{chosen}}}", reader))
        )
        .with_panel(lines("Vị trí", "Positions", (f"kieng_lag_position{{{chosen}}}", reader)))
        .with_panel(
            lines(
                "Không rõ vị trí, hoặc ngoài nhật ký",
                "Positions that are unknown, or outside the log",
                (f"kieng_lag_no_position{{{chosen}}}", f"unknown {reader}"),
                (f"kieng_lag_position_outside_log{{{chosen}}}", f"outside {reader}"),
            )
        )
        .with_row(Row(title("Các nhóm tự báo", "As consumers see themselves")))
        .with_panel(
            lines(
                "Bản ghi mỗi giây",
                "Records a second",
                (
                    f"sum by (group, topic) (rate(kieng_consumer_records_handled_total"
                    f"{{{chosen}}}[$__rate_interval]))",
                    "{{group}} {{topic}}",
                ),
                unit="cps",
            )
        )
        .with_panel(
            lines(
                "Trễ",
                "Lag",
                (
                    f"max by (group, topic) (kieng_consumer_lag_seconds{{{chosen}}})",
                    "{{group}} {{topic}} s",
                ),
                (
                    f"sum by (group, topic) (kieng_consumer_lag_records{{{chosen}}})",
                    "{{group}} {{topic}} records",
                ),
            )
        )
        .with_panel(
            lines(
                "Từ lần xử lý gần nhất",
                "Since the last progress",
                (
                    f"time() - max by (group, topic) "
                    f"(kieng_consumer_last_progress_timestamp_seconds{{{chosen}}})",
                    "{{group}} {{topic}}",
                ),
                unit="s",
                about="Grows in quiet times, too; look at the lag beside it.",
            )
        )
        .with_panel(
            lines(
                "Ghi số liệu, phân vị 95",
                "Flush, 95th percentile",
                ("kieng:flush_seconds:p95_5m", "flush"),
                unit="s",
            )
        )
        .with_panel(
            lines(
                "Dựng số liệu mới",
                "View being built",
                ("max(kieng_kpi_rebuild_events_done)", "events read"),
                ("max(kieng_kpi_rebuild_events_wanted)", "events to read"),
            )
        )
        .with_panel(
            lines(
                "Thời gian dựng",
                "Time of the building",
                ("max(kieng_kpi_rebuild_seconds)", "since it began"),
                unit="s",
            )
        )
        .with_row(Row(title("Trục trặc", "Trouble")))
        .with_panel(
            lines(
                "Bản ghi không đọc được",
                "Dead letters",
                (
                    f"sum by (group, topic) (kieng_consumer_records_dead_lettered_total"
                    f"{{{chosen}}})",
                    "{{group}} {{topic}}",
                ),
                (
                    'sum by (topic) (kieng_log_end_offset{topic=~".*dlq"} - '
                    'kieng_log_start_offset{topic=~".*dlq"})',
                    "in {{topic}}",
                ),
                span=THIRD,
            )
        )
        .with_panel(
            lines("Bản ghi để riêng", "Parked", ("max(kieng_kpi_parked)", "parked"), span=THIRD)
        )
        .with_panel(
            lines(
                "Chia lại phần",
                "Rebalances",
                (
                    f"sum by (group) (increase(kieng_consumer_rebalances_total{{{chosen}}}[5m]))",
                    "{{group}}",
                ),
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Mất quyền ghi",
                "Lost to a newer epoch",
                (
                    f"sum by (group, topic) (increase(kieng_consumer_ownership_lost_total"
                    f"{{{chosen}}}[5m]))",
                    "{{group}} {{topic}}",
                ),
                span=HALF,
            )
        )
        .with_panel(
            lines(
                "Vị trí bị từ chối",
                "Refused positions",
                (
                    f"sum by (group) (increase(kieng_consumer_commit_failures_total"
                    f"{{{chosen}}}[5m]))",
                    "{{group}}",
                ),
                span=HALF,
            )
        )
    )


def capacity() -> Dashboard:
    """Return the board of what is used up: places, memory, log, database and disk."""
    used = [
        ("kieng_grpc_calls_running / (kieng_grpc_threads_limit > 0)", "threads {{instance}}"),
        (
            "kieng_mongo_connections_busy / kieng_mongo_connections_limit",
            "connections {{instance}}",
        ),
        ("kieng_kpi_watchers / (kieng_kpi_watchers_limit > 0)", "KPI watchers {{instance}}"),
        (
            "kieng_notifications_watchers / (kieng_notifications_watchers_limit > 0)",
            "inbox watchers {{instance}}",
        ),
    ]
    return (
        board("kieng-capacity", "Sức chứa và lưu trữ", "Capacity and storage")
        .with_panel(
            number(
                "Cơ sở dữ liệu trả lời", "Database answers", "min(kieng_database_up)", good_from=1
            )
        )
        .with_panel(
            number(
                "Dung lượng dữ liệu", "Size of the databases", "sum(kieng_database_bytes)", "bytes"
            )
        )
        .with_panel(
            number(
                "Bản ghi trong nhật ký",
                "Records in the log",
                "sum(kieng_log_end_offset - kieng_log_start_offset)",
            )
        )
        .with_panel(
            number(
                "Đĩa đầy nhất còn trống",
                "Free on the fullest disk",
                "min(kieng_disk_free_bytes / kieng_disk_bytes)",
                "percentunit",
                good_from=0.1,
            )
        )
        .with_row(Row(title("Tiến trình", "Processes")))
        .with_panel(
            lines(
                "Chỗ đã dùng",
                "Places in use",
                *used,
                unit="percentunit",
                span=WHOLE,
                about="Above 1 further calls, queries and streams wait or are refused.",
            )
        )
        .with_panel(
            lines(
                "Bộ nhớ",
                "Memory",
                (
                    "process_resident_memory_bytes * on (job, instance) group_left (service) "
                    "kieng_service_info",
                    "{{service}}",
                ),
                unit="bytes",
            )
        )
        .with_panel(
            lines(
                "CPU",
                "CPU",
                (
                    "rate(process_cpu_seconds_total[$__rate_interval]) * on (job, instance) "
                    "group_left (service) kieng_service_info",
                    "{{service}}",
                ),
                unit="percentunit",
            )
        )
        .with_panel(
            lines(
                "Tệp và kết nối đang mở",
                "Open files and sockets",
                (
                    "process_open_fds / process_max_fds * on (job, instance) group_left "
                    "(service) kieng_service_info",
                    "{{service}}",
                ),
                unit="percentunit",
            )
        )
        .with_panel(
            lines(
                "Lần khởi động lại",
                "Starts",
                (
                    "changes(process_start_time_seconds[1h]) * on (job, instance) group_left "
                    "(service) kieng_service_info",
                    "{{service}}",
                ),
            )
        )
        .with_row(Row(title("Lưu trữ", "Storage")))
        .with_panel(
            lines(
                "Cơ sở dữ liệu",
                "Databases",
                ("kieng_database_bytes", "{{database}} {{part}}"),
                unit="bytes",
            )
        )
        .with_panel(lines("Tài liệu", "Documents", ("kieng_database_documents", "{{database}}")))
        .with_panel(
            lines(
                "Nhật ký",
                "Log",
                ("kieng_log_end_offset - kieng_log_start_offset", "{{topic}}/{{partition}}"),
            )
        )
        .with_panel(
            lines(
                "Nhật ký trên đĩa",
                "Log on disk",
                ("kieng_log_bytes", "{{topic}}"),
                unit="bytes",
                about="All copies. The embedded broker does not tell.",
            )
        )
        .with_panel(
            lines(
                "Tăng mỗi ngày",
                "Growth a day",
                ("sum by (database) (deriv(kieng_database_bytes[6h])) * 86400", "{{database}}"),
                unit="bytes",
            )
        )
        .with_panel(
            lines(
                "Đĩa",
                "Disks",
                ("min by (part) (kieng_disk_free_bytes)", "free {{part}}"),
                ("max by (part) (kieng_disk_bytes)", "size {{part}}"),
                unit="bytes",
                about="Of each broker (the fullest of its folders), of the database's primary, "
                "and of the folder that the exporter is told. The embedded ones do not tell.",
            )
        )
    )


def encode(made: Dashboard) -> str:
    """Return a dashboard as Grafana reads it, with a number for each panel."""
    document = json.loads(JSONEncoder().encode(made.build()))
    for place, panel in enumerate(document["panels"], start=1):
        panel["id"] = place
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Return every file as it should be."""
    made = {"kpi": kpi(), "services": services(), "kafka": kafka(), "capacity": capacity()}
    return {FOLDER / f"{name}.json": encode(each) for name, each in made.items()}


def main() -> int:
    """Write or check the files; return the exit code."""
    parser = argparse.ArgumentParser(description="Writes the dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    check = parser.parse_args().check
    wanted = files()
    is_stale = {p.name for p in FOLDER.glob("*.json")} != {p.name for p in wanted}
    for path, text in wanted.items():
        is_stale |= not path.exists() or path.read_text(encoding="utf-8") != text
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and is_stale)


if __name__ == "__main__":
    sys.exit(main())
