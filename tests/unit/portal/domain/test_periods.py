"""Periods: what links name, and what they may not."""

from datetime import date

import pytest

from services.kernel.errors import InvalidArgument
from services.portal.domain import periods
from services.portal.domain.periods import Period


def test_a_period_counts_its_months_and_names_each() -> None:
    found = periods.period("2024-11", "2025-02")
    assert found.months == 4
    assert list(periods.months_of(found)) == ["2024-11", "2024-12", "2025-01", "2025-02"]


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2025", "2025-02", "from"),
        ("2025-13", "2025-02", "from"),
        ("2025-01", "<script>", "to"),
        ("2025-02", "2025-01", "to"),
        ("2010-01", "2020-01", "to"),
    ],
)
def test_what_is_no_period_is_refused_by_field(first: str, last: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        periods.period(first, last)
    assert list(refused.value.fields) == [field]


def test_the_longest_period_has_ten_years() -> None:
    assert periods.period("2010-01", "2019-12").months == periods.MONTHS_MAX


def test_periods_that_people_ask_for() -> None:
    assert periods.year_to_date(date(2026, 11, 30)) == Period("2026-01", "2026-11")
    assert periods.year(2025) == Period("2025-01", "2025-12")
    assert periods.months_until("2025-01", 24) == Period("2023-02", "2025-01")


def test_the_periods_around_a_month_are_named() -> None:
    found = {name: (each.first, each.last) for name, each in periods.choices("2025-08").items()}
    assert found == {
        "month": ("2025-08", "2025-08"),
        "quarter": ("2025-07", "2025-09"),
        "half": ("2025-07", "2025-12"),
        "to_month": ("2025-01", "2025-08"),
        "year": ("2025-01", "2025-12"),
        "academic": ("2024-09", "2025-08"),
    }
    assert periods.choices("2025-09")["academic"] == Period("2025-09", "2026-08")
    assert periods.year_earlier(Period("2025-01", "2025-07")) == Period("2024-01", "2024-07")
