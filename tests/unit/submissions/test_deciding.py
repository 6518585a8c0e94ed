"""A decision that was taken already changes nothing; a contrary one is told what stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.kernel.errors import Conflict, WrongState
from services.submissions.domain import transitions
from services.submissions.domain.submission import Decision, State, Submission
from tests.unit.submissions import builders
from tests.unit.submissions.builders import NOW, by, change, content


def decide(
    submission: Submission, decision: Decision, reason: str = "", version: int = 0
) -> Submission:
    return transitions.decide(submission, decision, by("third", reason), version)


@pytest.mark.parametrize(
    ("before", "decision", "reason"),
    [
        (builders.unit_approved(), Decision.APPROVE, ""),
        (builders.verified(), Decision.APPROVE, ""),
        (builders.verified(), Decision.VERIFY, ""),
        (builders.returned(), Decision.RETURN, "unclear"),
        (builders.rejected(), Decision.REJECT, "not ours"),
    ],
    ids=["approved", "approved and verified", "verified", "returned", "rejected"],
)
def test_a_decision_that_holds_is_not_taken_again(
    before: Submission, decision: Decision, reason: str
) -> None:
    assert decide(before, decision, reason) is before


@pytest.mark.parametrize(
    ("before", "decision", "reason"),
    [
        (builders.verified(), Decision.RETURN, "no proof"),
        (builders.verified(), Decision.REJECT, "not ours"),
        (builders.verified(), Decision.VERIFY, "seen the original"),
        (builders.returned(), Decision.RETURN, "another reason"),
        (builders.returned(), Decision.VERIFY, ""),
        (builders.rejected(), Decision.VERIFY, ""),
    ],
    ids=["return", "reject", "other words", "other reason", "returned", "rejected"],
)
def test_a_contrary_decision_is_told_what_stands(
    before: Submission, decision: Decision, reason: str
) -> None:
    with pytest.raises(WrongState) as refusal:
        decide(before, decision, reason)
    stands = before.audit[-1]
    assert refusal.value.reason == "ALREADY_DECIDED"
    assert refusal.value.details == {
        "state": before.state.name,
        "decided_at": NOW.isoformat(),
        "decided_by": stands.subject,
        "reason": stands.reason,
    }
    assert stands.subject in refusal.value.message
    assert stands.reason in refusal.value.message


def test_a_state_that_no_decision_made_names_no_decision() -> None:
    with pytest.raises(WrongState) as refusal:
        decide(builders.draft(), Decision.VERIFY)
    assert refusal.value.reason == "WRONG_STATE"
    straight = transitions.decide(builders.submitted(), Decision.VERIFY, by("approver"))
    with pytest.raises(WrongState, match="verified since"):
        decide(straight, Decision.APPROVE)  # nobody approved it


def test_a_new_review_begins_when_the_author_hands_in_again() -> None:
    again = transitions.submit(builders.returned(), change())
    assert decide(again, Decision.RETURN, "unclear").version == again.version + 1
    amended = transitions.amend(builders.verified(), content("10.1000/new"), change())
    assert decide(amended, Decision.VERIFY).state is State.VERIFIED


def test_a_version_counts_by_its_content() -> None:
    before = builders.submitted()
    done = transitions.decide(before, Decision.VERIFY, by("approver"))
    assert decide(done, Decision.VERIFY, version=before.version) is done
    amended = transitions.amend(before, content("10.1000/new"), change())
    with pytest.raises(Conflict):
        decide(amended, Decision.VERIFY, version=before.version)
    other = transitions.decide(amended, Decision.VERIFY, by("approver"))
    with pytest.raises(WrongState, match="verified since"):
        decide(other, Decision.VERIFY, version=before.version)


def test_the_time_told_is_that_of_the_decision() -> None:
    later = replace(by("approver"), now=NOW + timedelta(hours=1))
    done = transitions.decide(builders.submitted(), Decision.VERIFY, later)
    with pytest.raises(WrongState, match=f"{later.now:%Y-%m-%d %H:%M} UTC"):
        decide(transitions.repair(done, change()), Decision.RETURN, "late")
