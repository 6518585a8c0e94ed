"""Numbers as people read them, in both languages."""

from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from services.portal import numbers
from services.portal.domain.figures import Number
from services.texts import Lang

VI, EN = Lang.vi, Lang.en


@pytest.mark.parametrize(
    ("number", "unit", "lang", "short", "full"),
    [
        (1234, "count", VI, "1.234", "1.234"),
        (1234, "count", EN, "1,234", "1,234"),
        (1_234_567_890, "vnd", VI, "1,2 tỷ", "1.234.567.890"),
        (1_234_567_890, "vnd", EN, "1.2B", "1,234,567,890"),
        (-1_234_567_890, "vnd", VI, "-1,2 tỷ", "-1.234.567.890"),
        (2_500_000, "vnd", VI, "2,5 triệu", "2.500.000"),
        (Fraction(1, 3), "percent", VI, "33,3%", "33,3%"),
        (Fraction(7, 2), "works", VI, "3,50", "3,50"),
        (Fraction(3), "works", EN, "3.00", "3.00"),
        (None, "count", VI, "–", "–"),  # noqa: RUF001
        (0, "count", VI, "0", "0"),
    ],
)
def test_a_number_is_short_in_a_table_and_whole_on_hover(
    number: Number | None, unit: str, lang: Lang, short: str, full: str
) -> None:
    assert numbers.short(number, unit, lang).replace("\xa0", " ") == short
    assert numbers.full(number, unit, lang) == full


def test_changes_have_a_sign() -> None:
    assert numbers.signed(5, "count", VI) == "+5"
    assert numbers.signed(-5, "count", VI) == "−5"  # noqa: RUF001
    assert numbers.signed(0, "count", VI) == "±0"
    assert numbers.signed(None, "count", VI) == numbers.NOTHING


def test_a_fraction_that_is_whole_is_written_as_a_fraction() -> None:
    assert numbers.full(1, "", EN) == "1"
    assert numbers.full(Fraction(1), "", EN) == "1.00"


def test_a_time_is_of_the_zone_of_the_portal_and_names_it() -> None:
    when, zone = datetime(2026, 11, 30, 17, 8, tzinfo=UTC), ZoneInfo("Asia/Ho_Chi_Minh")
    assert numbers.moment(when, zone, EN) == "1 Dec 2026 00:08 GMT+07:00"
    assert numbers.moment(when, zone, VI) == "1 thg 12 2026 00:08 GMT+07:00"
    assert numbers.moment(when, ZoneInfo("UTC"), EN) == "30 Nov 2026 17:08 GMT+00:00"


@pytest.mark.parametrize(
    ("number", "unit", "lang", "halves"),
    [
        (537_700_000_000, "vnd", VI, ("537", ",7 tỷ")),
        (880_000_000_000, "vnd", VI, ("880", " tỷ")),
        (-1_234_567_890, "vnd", EN, ("-1", ".2B")),
        (1234, "count", VI, ("1.234", "")),
        (1234, "count", EN, ("1,234", "")),
        (Fraction(1, 3), "percent", VI, ("33", ",3%")),
        (Fraction(5000, 2), "works", EN, ("2,500", ".00")),
        (None, "count", VI, (numbers.NOTHING, "")),
    ],
)
def test_a_number_is_parted_at_its_decimal_mark(
    number: Number | None, unit: str, lang: Lang, halves: tuple[str, str]
) -> None:
    whole, rest = numbers.halves(number, unit, lang)
    assert (whole, rest.replace("\xa0", " ")) == halves


def test_a_change_of_a_percentage_is_told_in_percentage_points() -> None:
    assert numbers.signed(Fraction(-33, 1000), "percent", VI) == "−3,3 điểm"  # noqa: RUF001
    assert numbers.signed(Fraction(1, 50), "percent", EN) == "+2 pp"
    assert numbers.signed(Fraction(0), "percent", EN) == "±0 pp"


def test_a_month_is_written_as_people_write_it() -> None:
    assert numbers.month("2025-07", VI) == "7/2025"
    assert numbers.month("2024-12", EN) == "Dec 2024"
