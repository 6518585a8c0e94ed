"""A share is stated in per cent; a number that may be meant either way is asked for again."""

from __future__ import annotations

import pytest

from services.importing.shares import percentage, ppm_of


@pytest.mark.parametrize(
    ("text", "ppm"),
    [
        ("50%", 500_000),
        ("50 %", 500_000),
        ("33,3333%", 333_333),
        ("33.3333%", 333_333),
        ("0,5%", 5_000),
        ("0.0001%", 1),
        ("100%", 1_000_000),
    ],
)
def test_a_percent_sign_says_what_is_meant(text: str, ppm: int) -> None:
    assert ppm_of(text) == ppm_of(text, is_percent=True) == ppm


@pytest.mark.parametrize(("text", "ppm"), [("50", 500_000), ("1", 10_000), ("33,3333", 333_333)])
def test_where_per_cent_are_asked_for_no_sign_is_needed(text: str, ppm: int) -> None:
    assert ppm_of(text, is_percent=True) == ppm


@pytest.mark.parametrize("text", ["0", "0%", "0,0", "0.00004%"])
def test_nothing_of_the_work_is_not_taken_for_no_declared_share(text: str) -> None:
    with pytest.raises(ValueError, match=r"share: "):
        ppm_of(text, is_percent=True)


@pytest.mark.parametrize(("text", "ppm"), [("500000", 500_000), ("0", 0), ("101", 101)])
def test_where_millionths_are_asked_for_they_are_taken(text: str, ppm: int) -> None:
    assert ppm_of(text) == ppm


@pytest.mark.parametrize(
    "text", ["50", "1", "100", "0.5", "0,5", "500000.5", "1000001", "101%", "0%"]
)
def test_fifty_millionths_are_never_taken_for_half_of_the_work(text: str) -> None:
    with pytest.raises(ValueError, match=r"share: "):
        ppm_of(text)


@pytest.mark.parametrize("text", ["", "half", "50%%", "-5%", "0.5", "100,0001", "1e2", "12345678"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"share: "):
        ppm_of(text, is_percent=True)


@pytest.mark.parametrize("ppm", [1, 10, 333_333, 500_000, 666_667, 1_000_000])
def test_a_share_that_is_shown_is_read_back_exactly(ppm: int) -> None:
    for lang in ("vi", "en"):
        assert ppm_of(f"{percentage(ppm, lang)}%") == ppm
    assert percentage(333_333, "vi") == "33,3333"
    assert percentage(500_000, "en") == "50"
