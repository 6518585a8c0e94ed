"""Dates of exports: what each field says, and what several say together."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from services.importing.written_dates import Parts, day_of, named_day, parts_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        *(("2025-03-31", (2025, 3, 31)), ("2025/3///", (2025, 3, 0)), ("2025", (2025, 0, 0))),
        *(("2025.03.31", (2025, 3, 31)), ("20250331", (2025, 3, 31)), ("2025/03", (2025, 3, 0))),
        *(("2025-03-31T23:11:12Z", (2025, 3, 31)), ("2025-03-31 00:00", (2025, 3, 31))),
        *(("Mar 31", (0, 3, 31)), ("MAR", (0, 3, 0)), ("sept.", (0, 9, 0)), ("3", (0, 3, 0))),
        *(("31 March 2025", (2025, 3, 31)), ("March 31st, 2025", (2025, 3, 31))),
        *(("2025 Mar 31", (2025, 3, 31)), ("2025/Mar/31", (2025, 3, 31))),
        *(("tháng 3", (0, 3, 0)), ("Thg 12 2025", (2025, 12, 0)), ("31-Thg3", (0, 3, 31))),
        ("ngày 31 tháng 3 năm 2025", (2025, 3, 31)),
        *(("JAN-FEB", (0, 2, 0)), ("MAR 30-APR 2", (0, 4, 2))),
        *(("2024-01-01/2025-03-31", (2025, 3, 31)), ("2024/2025", (2025, 0, 0))),
        *(("SPR", (0, 0, 0)), ("FAL-WIN 2025", (2025, 0, 0)), ("2025///Spring", (2025, 0, 0))),
    ],
)
def test_a_date_is_read_however_a_database_writes_it(text: str, parts: Parts) -> None:
    assert parts_of(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        *("31/03/2025", "03/2025", "15-Mar-25", "13", "2025-13", "2025-03-32", "2025-03-15/18"),
        *("in press", "2025a", "2025-W10", "1st quarter 2025", "Mar 2024 or 2025", "tháng 13"),
    ],
)
def test_what_may_be_another_date_is_not_read(text: str) -> None:
    assert parts_of(text) is None


@pytest.mark.parametrize("text", ["1234 " * 20_000, "thg " * 20_000, "1 " + " " * 90_000 + "2"])
def test_a_text_made_to_be_looked_at_for_long_is_not(text: str) -> None:
    before = time.process_time()
    assert (parts_of(text), named_day(text)) == (None, None)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("texts", "month_day", "day"),
    [
        (["2025-03-15", "2024"], "12-31", "2025-03-15"),
        (["MAR 15", "2025"], "12-31", "2025-03-15"),
        (["2025-03", "2025 3 15"], "12-31", "2025-03-15"),
        (["2025", "2025 SPR"], "12-31", "2025-12-31"),
        (["2025-04"], "12-31", "2025-04-30"),
        (["2024-02"], "12-31", "2024-02-29"),
        (["", "2025"], "02-30", "2025-02-28"),
        (["2025-3"], "", "2025-03"),
        (["2025"], "", "2025"),
        (["", ""], "12-31", ""),
        (["MAR 15"], "12-31", "MAR 15"),
        (["in press", "2025"], "12-31", "in press"),
        (["31/03/2025", "2025"], "12-31", "31/03/2025"),
    ],
)
def test_what_one_field_lacks_another_tells(texts: Sequence[str], month_day: str, day: str) -> None:
    assert day_of(texts, month_day) == day
