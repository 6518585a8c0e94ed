"""The board of consumers: lag from outside and inside, what went wrong, the log."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from panels import HALF, THIRD, board, choice, lines, number, title

CHOSEN = 'group=~"$group"'
READER = "{{group}} {{topic}}/{{partition}}"


def kafka() -> Dashboard:
    """Return the board."""
    return _trouble(_from_inside(_from_outside(_summary())))


def _summary() -> Dashboard:
    return (
        board("kieng-kafka", "Kafka và các nhóm đọc", "Kafka")
        .with_variable(choice("group", "Nhóm · Group", "kieng_lag_no_position"))
        .with_panel(number("Kafka trả lời", "Broker answers", "min(kieng_broker_up)", good_from=1))
        .with_panel(
            number("Trễ lớn nhất", "Highest lag", "max(kieng_lag_seconds)", "s", bad_from=300)
        )
        .with_panel(number("Bản ghi để riêng", "Parked", "max(kieng_kpi_parked)", bad_from=1))
        .with_panel(number("Lệch nhật ký", "Log diverged", "max(kieng_log_diverged)", bad_from=1))
    )


def _from_outside(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Nhìn từ bên ngoài", "Seen from outside")))
        .with_panel(
            lines(
                "Trễ theo thời gian",
                "Lag in seconds",
                (f"kieng_lag_seconds{{{CHOSEN}}}", READER),
                unit="s",
                about="Age of the oldest record that waits. Measured by the exporter, so "
                "it is there while every consumer is down.",
            )
        )
        .with_panel(
            lines("Trễ theo bản ghi", "Lag in records", (f"kieng_lag_records{{{CHOSEN}}}", READER))
        )
        .with_panel(lines("Vị trí", "Positions", (f"kieng_lag_position{{{CHOSEN}}}", READER)))
        .with_panel(
            lines(
                "Không rõ vị trí, hoặc ngoài nhật ký",
                "Positions that are unknown, or outside the log",
                (f"kieng_lag_no_position{{{CHOSEN}}}", f"unknown {READER}"),
                (f"kieng_lag_position_outside_log{{{CHOSEN}}}", f"outside {READER}"),
            )
        )
    )


def _from_inside(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Các nhóm tự báo", "As consumers see themselves")))
        .with_panel(
            lines(
                "Bản ghi mỗi giây",
                "Records a second",
                (
                    f"sum by (group, topic) (rate(kieng_consumer_records_handled_total"
                    f"{{{CHOSEN}}}[$__rate_interval]))",
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
                    f"max by (group, topic) (kieng_consumer_lag_seconds{{{CHOSEN}}})",
                    "{{group}} {{topic}} s",
                ),
                (
                    f"sum by (group, topic) (kieng_consumer_lag_records{{{CHOSEN}}})",
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
                    f"(kieng_consumer_last_progress_timestamp_seconds{{{CHOSEN}}})",
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
                "Số bản ghi mỗi lần ghi",
                "Records per flush, limit",
                ("min(kieng_kpi_flush_records_limit)", "records"),
                about="4,000 when the database is quick; falls until a flush takes 5 s.",
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
    )


def _trouble(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Trục trặc", "Trouble")))
        .with_panel(
            lines(
                "Bản ghi không đọc được",
                "Dead letters",
                (
                    f"sum by (group, topic) (kieng_consumer_records_dead_lettered_total"
                    f"{{{CHOSEN}}})",
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
            lines(
                "Bản ghi để riêng",
                "Parked",
                ("max(kieng_kpi_parked)", "parked"),
                ("max(kieng_kpi_parked_dismissed)", "dismissed"),
                span=THIRD,
            )
        )
        .with_panel(
            lines(
                "Chia lại phần",
                "Rebalances",
                (
                    f"sum by (group) (increase(kieng_consumer_rebalances_total{{{CHOSEN}}}[5m]))",
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
                    f"{{{CHOSEN}}}[5m]))",
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
                    f"{{{CHOSEN}}}[5m]))",
                    "{{group}}",
                ),
                span=HALF,
            )
        )
    )
