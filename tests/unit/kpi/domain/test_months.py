import pytest

from services.kernel.errors import InvalidArgument
from services.kpi.domain.months import month_of_date, month_range, month_text


@pytest.mark.parametrize(
    ("text", "month"),
    [("2025-01", 24300), ("2025-12-31", 24311), ("0000-01-01", 0), ("9999-12-31", 119999)],
)
def test_a_month_is_a_number_and_comes_back_as_text(text: str, month: int) -> None:
    assert month_of_date(text) == month
    assert month_text(month) == text[:7]


@pytest.mark.parametrize("text", ["2025-13-01", "2025-00-01", "2025/01/01", "2025", "", "soon"])
def test_what_is_no_date_raises(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        month_of_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "2_25-03",
        "-202-03",
        "+202-03",
        " 025-03",
        "2025- 3",
        "2025-03\n",
        "\uff12025-03",
        "2025-\u06603",
    ],
)
def test_what_python_alone_takes_for_a_date_raises(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        month_of_date(text)


def test_a_range_includes_both_ends() -> None:
    assert month_range("2024-12", "2025-02") == (24299, 24301)
    assert month_range("2025-01", "2025-01") == (24300, 24300)
    assert month_range("2015-01", "2024-12") == (24180, 24299)


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2025-1", "2025-02", "from_month"),
        ("2_25-01", "2025-02", "from_month"),
        ("2025-01", "2025-20", "to_month"),
        ("2025-01", "", "to_month"),
        ("2025-02", "2025-01", "to_month"),
        ("2015-01", "2025-01", "to_month"),
    ],
)
def test_a_wrong_range_names_its_field(first: str, last: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        month_range(first, last)
    assert list(refused.value.fields) == [field]
