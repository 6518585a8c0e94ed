from datetime import UTC, datetime, timedelta

import pytest

from kieng.kpi.v1 import view_pb2
from services.cli.terminal.frame import age_text, period_text, title_of
from services.cli.terminal.kpi_tables import Names, grid
from services.cli.terminal.screen import Screen
from services.texts import Lang

NOW = datetime(2025, 8, 1, 9, 0, tzinfo=UTC)


def test_a_range_is_labelled_as_a_range() -> None:
    assert period_text("2025-01", "2025-07") == "2025-01 – 2025-07"  # noqa: RUF001
    assert period_text("2025-01", "2025-01") == "2025-01"


def test_every_row_of_a_list_names_its_whole_range(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(lang=Lang.vi)
    value = view_pb2.Value(whole=5)
    cells = [
        view_pb2.Cell(
            unit_id=f"u{number}",
            indicator_code="KNW-01",
            from_month="2025-01",
            to_month="2025-07",
            verified=value,
        )
        for number in range(7)
    ]
    screen.answers.print(grid(screen, Names(), cells, "verified", view_pb2.ViewInfo()))
    shown = capsys.readouterr().out
    assert shown.count("2025-01 – 2025-07") == 1 + len(cells)  # noqa: RUF001
    assert "Tháng" not in shown


@pytest.mark.parametrize(
    ("age", "lang", "text"),
    [
        (timedelta(seconds=0.2), Lang.vi, "số liệu mới tức thời"),
        (timedelta(minutes=3), Lang.vi, "số liệu mới nhất 3 phút trước"),
        (timedelta(hours=50), Lang.en, "newest record 2 days ago"),
        (timedelta(seconds=-5), Lang.en, "newest record just now"),
    ],
)
def test_the_age_of_numbers_is_in_words(age: timedelta, lang: Lang, text: str) -> None:
    view = view_pb2.ViewInfo()
    view.newest_event_at.FromDatetime(NOW - age)
    assert age_text(Screen(lang=lang), view, NOW) == text


def test_a_view_that_has_read_nothing_says_so() -> None:
    title = title_of(Screen(lang=Lang.vi), view_pb2.ViewInfo(view_id="g1-c1-f3"), [], "verified")
    assert title.endswith("đang đọc: chưa có bản ghi nào được tính")
