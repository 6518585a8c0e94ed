"""The board of what is used up: places, memory, log, database and disk."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from panels import WHOLE, board, lines, number, title

USED = [
    ("kieng_grpc_calls_running / (kieng_grpc_threads_limit > 0)", "threads {{instance}}"),
    ("kieng_grpc_streams_running / (kieng_grpc_streams_limit > 0)", "streams {{instance}}"),
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


def capacity() -> Dashboard:
    """Return the board."""
    return _storage(_processes(_summary()))


def _summary() -> Dashboard:
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
    )


def _processes(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Tiến trình", "Processes")))
        .with_panel(
            lines(
                "Chỗ đã dùng",
                "Places in use",
                *USED,
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
    )


def _storage(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Lưu trữ", "Storage")))
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
