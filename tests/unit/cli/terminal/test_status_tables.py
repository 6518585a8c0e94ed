"""Spans of time and totals of a stack, as an operator reads them."""

from __future__ import annotations

import pytest

from services.cli.terminal.render import NOTHING
from services.cli.terminal.screen import Screen
from services.cli.terminal.status_tables import processes, span_text, summary
from services.texts import Lang


@pytest.mark.parametrize(
    ("seconds", "vi", "en"),
    [
        (None, NOTHING, NOTHING),
        (0, "0 giây", "0 s"),
        (119.9, "119 giây", "119 s"),
        (120, "2 phút", "2 min"),
        (7_199, "119 phút", "119 min"),
        (7_200, "2 giờ", "2 h"),
        (172_800, "2 ngày", "2 d"),
    ],
)
def test_a_span_is_told_in_one_unit(seconds: float | None, vi: str, en: str) -> None:
    assert span_text(Screen(lang=Lang.vi), seconds) == vi
    assert span_text(Screen(lang=Lang.en), seconds) == en


def test_what_is_down_is_not_in_the_total() -> None:
    up = {"name": "portal", "state": "ready", "reason": "", "pid": 7, "up_seconds": 3}
    rows = [
        {**up, "cpu": 0.25, "memory_bytes": 50 * 1024 * 1024},
        {**up, "cpu": None, "memory_bytes": 20 * 1024 * 1024},
        {**up, "state": "down", "up_seconds": None, "cpu": None, "memory_bytes": None},
    ]
    table = processes(Screen(lang=Lang.en), rows)
    assert table.lines[-1] == ("total", "", "", "", "25%", "70 MiB")
    assert table.lines[2][1:] == ("down", "7", NOTHING, NOTHING, NOTHING)


def test_a_foreign_log_is_told_with_its_remedy() -> None:
    found = {
        "age_seconds": 5,
        "parked": 1,
        "dismissed": 0,
        "waiting_for_review": 1200,
        "outbox": 0,
        "rates": {"calls": 1.5, "published": 0.0, "folded": 20.0},
        "log_diverged": True,
    }
    told = summary(Screen(lang=Lang.en), found)
    assert "kieng log republish" in told
    assert "1,200 submissions" in told
    assert "1.5 calls, 0 events published, 20 records" in told
    many = {**found, "rates": {"calls": 1_234_567.5, "published": 0.5, "folded": 20.0}}
    told = summary(Screen(lang=Lang.vi), many)
    assert "1.234.567,5 lời gọi, 0,5 sự kiện phát hành, 20 bản ghi" in told
