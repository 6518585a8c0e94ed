"""Units of money in headings and in notes beside a table."""

from __future__ import annotations

import pytest

from services.importing import money


@pytest.mark.parametrize(
    ("heading", "is_other"),
    [
        *(("Giá trị (triệu đồng)", True), ("Kinh phí\n(TRĐ)", True), ("Fee (€)", True)),
        *(("Giá trị (đồng)", False), ("Giá trị (VND)", False), ("Giá trị (công ty)", False)),
    ],
)
def test_a_heading_says_its_unit(heading: str, is_other: bool) -> None:
    assert money.is_other(heading) == is_other


def test_the_first_note_of_another_unit_is_told() -> None:
    notes = ["Hợp đồng 100 triệu đồng", "ĐVT: đồng", "ĐVT: nghìn đồng", "(tỷ đồng)"]
    assert money.noted(notes) == "ĐVT: nghìn đồng"
    assert money.noted(notes[:2]) == ""
