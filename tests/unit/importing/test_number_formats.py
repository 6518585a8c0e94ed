"""Formats that show something else than their number."""

from __future__ import annotations

import pytest

from services.importing.cells import MaskedNumber, PercentNumber, UnreadableCell
from services.importing.number_formats import shown_by


@pytest.mark.parametrize("code", ["0%", "0.00%", "[Red]0%"])
def test_a_percentage_is_one(code: str) -> None:
    assert shown_by(code) is PercentNumber


@pytest.mark.parametrize(
    "code", ["000", "0000-000", '"PT"0', r"\P\T0", '0"/2018"', '0"/QĐ-ĐHQGHN"', 'General" người"']
)
def test_letters_and_zeros_are_no_part_of_the_number(code: str) -> None:
    assert shown_by(code) is MaskedNumber


@pytest.mark.parametrize(
    "code",
    [
        *('#,##0" triệu"', '0.0" tr.đ"', '0"tr"', '"$"#,##0.00', "[$$-409]#,##0", "[$€-2] #,##0"),
        *(r"#,##0\ [$USD]", '#,##0" nghìn đồng"', r'_("$"* #,##0_);_("$"* \(#,##0\)'),
    ],
)
def test_another_unit_of_money_is_told(code: str) -> None:
    assert shown_by(code) == UnreadableCell("cell.other_unit")


@pytest.mark.parametrize(
    "code",
    [
        *("General", "0", "0.00", "#,##0", '#,##0 "đ"', '#,##0" đồng"', r"#,##0\ [$VND]"),
        *(r"#,##0\ [$₫-42A]", r'_-* #,##0\ "₫"_-;\-* #,##0\ "₫"_-', "_(* #,##0_);_(* (#,##0)"),
        *('#,##0;"âm" #,##0', "[$-42A]dd mmmm yyyy", "@"),
    ],
)
def test_a_plain_number_is_just_that(code: str) -> None:
    assert shown_by(code) is None


def test_a_number_that_is_shown_in_millions_is_stored_in_dong() -> None:
    assert shown_by('#,##0,," triệu"') is MaskedNumber
