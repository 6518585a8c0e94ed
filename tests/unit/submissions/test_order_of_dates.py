"""The contract refuses an end before the beginning, whichever way the facts come in."""

from __future__ import annotations

import pytest

from kieng.submissions.v1 import submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.kernel.interceptors import check

ORDERS = (
    ("enterprise", "founded_on", "ended_on"),
    ("ip_right", "filed_on", "granted_on"),
    ("ip_right", "filed_on", "ended_on"),
    ("ip_right", "filed_on", "exploited_on"),
    ("product", "identified_on", "on_market_on"),
    ("product", "identified_on", "ended_on"),
    ("policy_contract", "signed_on", "adopted_on"),
    ("agreement", "signed_on", "expires_on"),
    ("scholar", "started_on", "ended_on"),
    ("programme", "started_on", "ended_on"),
)
"""Type of facts, date, and a date that cannot lie before it."""
EMPTY_DATE = "1899-12-30"
"""What a spreadsheet makes of an empty date."""


def wrong(type_name: str, **days: str) -> dict[str, str]:
    """Return what is said of the fields of a claim with these days."""
    request = submission_service_pb2.CreateSubmissionRequest()
    facts = getattr(request.content.facts, type_name)
    for name, day in days.items():
        setattr(facts, name, day)
    with pytest.raises(InvalidArgument) as refusal:
        check(request)
    return dict(refusal.value.fields)


@pytest.mark.parametrize(("type_name", "first", "later"), ORDERS)
@pytest.mark.parametrize("day", [EMPTY_DATE, "2025-06-09"])
def test_a_day_before_the_one_it_follows_is_refused_at_its_field(
    type_name: str, first: str, later: str, day: str
) -> None:
    said = wrong(type_name, **{first: "2025-06-10", later: day})
    assert said[f"content.facts.{type_name}.{later}"] == f"{later} lies before {first}"


@pytest.mark.parametrize(("type_name", "first", "later"), ORDERS)
@pytest.mark.parametrize("day", ["", "2025-06-10", "2025-06-11"])
def test_the_same_day_a_later_one_and_none_are_taken(
    type_name: str, first: str, later: str, day: str
) -> None:
    said = wrong(type_name, **{first: "2025-06-10", later: day})
    assert f"content.facts.{type_name}.{later}" not in said
