"""The board of the numbers: each university and the consortium against its targets."""

from __future__ import annotations

from pathlib import Path

import yaml
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.models.dashboard import VariableSort
from panels import THIRD, WHOLE, bars, board, choice, lines, number, rows, title

OF_YEAR = 'year=~"$year"'
CHOSEN = f'institution=~"$institution", indicator=~"$indicator", {OF_YEAR}'
VALUES = "max by (institution, indicator, year) (kieng_value{%s, %s})"
VERIFIED = VALUES % (CHOSEN, 'measure="verified"')
DECLARED = VALUES % (CHOSEN, 'measure="declared"')
SERIES = "{{institution}} {{indicator}} {{year}}"

UNIT = f'institution="$unit", {OF_YEAR}'
OF_ONE = f'max by (indicator) (kieng_value{{{UNIT}, measure="%s"}})'
AIM = f"max by (indicator) (kieng_target{{{UNIT}}})"
REACHED = f"max by (indicator) (kieng:target_attainment:ratio{{{UNIT}}})"

INDICATORS = Path(__file__).resolve().parents[2] / "catalogue" / "indicators.yaml"


def kpi() -> Dashboard:
    """Return the board."""
    return _waiting(_over_time(_against_targets(_summary())))


def _summary() -> Dashboard:
    unit = choice("unit", "Bảng của · Table of", "kieng_value").multi(False).include_all(False)
    unit = unit.query("label_values(kieng_value, institution)")
    # The newest year comes first, and is chosen until somebody chooses another.
    year = choice("year", "Năm · Year", "kieng_value").multi(False).include_all(False)
    year = year.sort(VariableSort.NUMERICAL_DESC)
    return (
        board("kieng-kpi", "Chỉ số của ba đại học", "Indicators of the universities")
        .with_variable(choice("institution", "Đơn vị · Institution", "kieng_value"))
        .with_variable(choice("indicator", "Chỉ số · Indicator", "kieng_value"))
        .with_variable(unit)
        .with_variable(year)
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
                f"count(kieng:target_attainment:ratio{{{OF_YEAR}}} >= 1) or vector(0)",
            )
        )
    )


def _against_targets(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("So với chỉ tiêu năm", "Against the year's targets")))
        .with_panel(
            bars(
                "Mức đạt chỉ tiêu",
                "Share of the target",
                (f"kieng:target_attainment:ratio{{{CHOSEN}}}", SERIES),
                "percentunit",
                WHOLE,
            )
        )
        .with_panel(
            rows(
                "Trong năm",
                "In the year",
                {
                    "Đã thẩm định · Verified": OF_ONE % "verified",
                    "Đã khai · Declared": OF_ONE % "declared",
                    "Chỉ tiêu · Target": AIM,
                    "Mức đạt · Share": REACHED,
                },
                "indicator",
                _names(),
            )
        )
    )


def _over_time(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Diễn biến", "Over time")))
        .with_panel(lines("Đã thẩm định", "Verified", (VERIFIED, SERIES)))
        .with_panel(lines("Đã khai", "Declared", (DECLARED, SERIES)))
        .with_panel(
            lines(
                "Chỉ tiêu",
                "Targets",
                (f"max by (institution, indicator, year) (kieng_target{{{CHOSEN}}})", SERIES),
            )
        )
        .with_panel(
            lines(
                "Đã khai, chưa thẩm định",
                "Declared and not verified",
                (f"{DECLARED} - {VERIFIED}", SERIES),
            )
        )
    )


def _waiting(made: Dashboard) -> Dashboard:
    return (
        made.with_row(Row(title("Việc đang chờ", "Work that waits")))
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


def _names() -> dict[str, str]:
    """Return code -> code with both names."""
    listed = yaml.load(INDICATORS.read_text(encoding="utf-8"), yaml.CSafeLoader)["indicators"]
    return {
        each["code"]: f"{each['code']} {each['name']['vi']} · {each['name']['en']}"
        for each in listed
    }
