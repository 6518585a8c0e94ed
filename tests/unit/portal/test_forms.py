"""Forms: what is written into them is read as it was meant, or refused beside its field."""

from __future__ import annotations

import pytest

from services.kernel.errors import InvalidArgument
from services.portal.forms import facts_of, share_of, share_text, version_of


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1500000", "1500000"),
        ("1.500.000", "1500000"),
        ("500.000", "500000"),
        ("1 500 000", "1500000"),
        ("1,500,000", "1500000"),
        # Not 15, and not 150000050: the service refuses what is no amount, and says so.
        ("1.5", "1.5"),
        ("1500000.50", "1500000.50"),
        ("1.500,000", "1.500,000"),
    ],
)
def test_an_amount_is_read_with_separated_thousands_only(written: str, read: str) -> None:
    assert facts_of("receipt", {"amount_vnd": [written]})[0].receipt.amount_vnd == read


@pytest.mark.parametrize("written", ["--5", "-", "5-", "1e3", "²", "1" * 10])
def test_what_is_no_number_is_refused_beside_its_field(written: str) -> None:
    facts, wrong = facts_of("training", {"hours": [written], "trainees": ["5"]})
    assert wrong == {"hours": "write a whole number"}
    assert facts.training.trainees == 5


def test_a_choice_that_is_not_offered_is_refused_beside_its_field() -> None:
    assert facts_of("facility", {"kind": ["castle"]})[1] == {"kind": "choose one that is offered"}


@pytest.mark.parametrize(
    ("given", "version"), [("7", 7), ("", None), ("-1", None), ("9" * 19, None), ("9" * 5000, None)]
)
def test_a_version_is_a_number_that_fits(given: str, version: int | None) -> None:
    assert version_of(given) == version


@pytest.mark.parametrize(
    ("written", "ppm", "shown"),
    [
        ("", 0, ""),
        ("50", 500_000, "50"),
        ("50%", 500_000, "50"),
        ("12,5 %", 125_000, "12.5"),
        ("33.3333", 333_333, "33.3333"),
        ("100", 1_000_000, "100"),
        ("0.0001", 1, "0.0001"),
    ],
)
def test_a_share_is_written_in_per_cent(written: str, ppm: int, shown: str) -> None:
    assert share_of(written) == ppm
    assert share_text(ppm) == shown
    assert share_of(shown) == ppm


@pytest.mark.parametrize("written", ["0", "100.0001", "500000", "-5", "1e2", "²", "half"])
def test_what_is_no_share_is_refused_beside_its_field(written: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        share_of(written)
    assert set(refused.value.fields) == {"share_ppm"}
