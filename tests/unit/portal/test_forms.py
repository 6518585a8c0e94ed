"""Forms: what is written into them is read as it was meant, or refused beside its field."""

from __future__ import annotations

import pytest

from services.kernel.errors import InvalidArgument
from services.portal.forms import facts_of, version_of


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
    assert facts_of("receipt", {"amount_vnd": [written]}).receipt.amount_vnd == read


@pytest.mark.parametrize("written", ["--5", "-", "5-", "1e3", "²", "1" * 10])
def test_what_is_no_number_is_refused_beside_its_field(written: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        facts_of("training", {"hours": [written]})
    assert refused.value.fields == {"hours": "write a whole number"}


def test_a_choice_that_is_not_offered_is_refused_beside_its_field() -> None:
    with pytest.raises(InvalidArgument) as refused:
        facts_of("facility", {"kind": ["castle"]})
    assert refused.value.fields == {"kind": "choose one that is offered"}


@pytest.mark.parametrize(
    ("given", "version"), [("7", 7), ("", None), ("-1", None), ("9" * 19, None), ("9" * 5000, None)]
)
def test_a_version_is_a_number_that_fits(given: str, version: int | None) -> None:
    assert version_of(given) == version
