"""What a submission counts for in each state, and what a change of works publishes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.submissions.domain.claims import claim_on, live_keys, notices
from services.submissions.domain.submission import Submission
from tests.unit.submissions import builders

MADE = {
    each.__name__: each()
    for each in (
        *(builders.draft, builders.submitted, builders.unit_approved, builders.verified),
        *(builders.returned, builders.rejected, builders.withdrawn),
    )
}
COUNTS = {
    "draft": (False, False),
    "submitted": (True, False),
    "unit_approved": (True, False),
    "verified": (True, True),
    "returned": (False, False),
    "rejected": (False, False),
    "withdrawn": (False, False),
}


@pytest.mark.parametrize("state", COUNTS)
def test_what_counts_depends_on_the_state(state: str) -> None:
    found = claim_on(MADE[state], MADE[state].content.work_key)
    assert tuple(each is not None for each in found) == COUNTS[state]
    assert claim_on(MADE[state], "doi:10.1000/other") == (None, None)


def moved(submission: Submission) -> Submission:
    """The same claim, amended so that it is of another work."""
    content = builders.content("10.1000/new")
    return replace(submission, content=content, version=submission.version + 1)


def test_a_verified_claim_stays_on_its_work_while_the_amended_one_waits() -> None:
    old = MADE["verified"]
    new = replace(moved(old), state=MADE["submitted"].state)
    assert live_keys(new) == {old.content.work_key, new.content.work_key}
    assert claim_on(new, old.content.work_key) == (None, old.verified)
    assert claim_on(new, new.content.work_key) == (new.content, None)


def test_a_work_that_is_left_is_retracted_before_the_new_one_is_claimed() -> None:
    old = MADE["submitted"]
    left, taken = notices(old, moved(old))
    assert (left.work_key, left.declared, left.verified) == (old.content.work_key, None, None)
    assert taken.declared is not None
    assert (left.is_primary, taken.is_primary) == (False, True)


def test_a_draft_publishes_nothing_and_a_withdrawal_retracts() -> None:
    assert notices(None, MADE["draft"]) == []
    (gone,) = notices(MADE["submitted"], MADE["withdrawn"])
    assert (gone.declared, gone.verified, gone.is_primary) == (None, None, True)


def test_a_new_log_retracts_former_works_too() -> None:
    now = replace(MADE["submitted"], former_keys=frozenset({"doi:10.1000/former"}))
    assert [each.work_key for each in notices(None, now)] == [
        "doi:10.1000/former",
        now.content.work_key,
    ]
