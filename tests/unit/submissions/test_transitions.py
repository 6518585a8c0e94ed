from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.kernel.errors import AlreadyExists, Conflict, Forbidden, InvalidArgument, WrongState
from services.submissions.domain import transitions
from services.submissions.domain.submission import (
    Change,
    Decision,
    State,
    Submission,
    ancestors,
    next_version,
)
from tests.unit.submissions import builders
from tests.unit.submissions.builders import by, change, content

IN_STATE: dict[State, Callable[[], Submission]] = {
    State.DRAFT: builders.draft,
    State.SUBMITTED: builders.submitted,
    State.UNIT_APPROVED: builders.unit_approved,
    State.VERIFIED: builders.verified,
    State.RETURNED: builders.returned,
    State.REJECTED: builders.rejected,
    State.WITHDRAWN: builders.withdrawn,
}
STEPS: dict[str, Callable[[Submission], Submission]] = {
    "amend": lambda s: transitions.amend(s, content("10.1000/new"), change()),
    "submit": lambda s: transitions.submit(s, change()),
    "withdraw": lambda s: transitions.withdraw(s, change(reason="why")),
    "approve": lambda s: transitions.decide(s, Decision.APPROVE, by("third")),
    "verify": lambda s: transitions.decide(s, Decision.VERIFY, by("third")),
    "return": lambda s: transitions.decide(s, Decision.RETURN, by("third", "why")),
    "reject": lambda s: transitions.decide(s, Decision.REJECT, by("third", "why")),
}
D, S, U, V, R, X, W = IN_STATE
LEADS_TO = {
    ("amend", D): D,
    ("amend", S): S,
    ("amend", U): S,
    ("amend", V): S,
    ("amend", R): S,
    ("submit", D): S,
    ("submit", R): S,
    ("withdraw", D): W,
    ("withdraw", S): W,
    ("withdraw", U): W,
    ("withdraw", V): W,
    ("withdraw", R): W,
    ("approve", S): U,
    ("verify", S): V,
    ("verify", U): V,
    ("return", S): R,
    ("return", U): R,
    ("reject", S): X,
    ("reject", U): X,
    ("reject", R): X,
}


REPEATS = {("approve", U), ("approve", V), ("verify", V)}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", IN_STATE)
def test_every_step_leads_where_the_table_says_or_is_refused(step: str, state: State) -> None:
    before = IN_STATE[state]()
    if (step, state) in REPEATS:
        assert STEPS[step](before) is before
        return
    if (step, state) not in LEADS_TO:
        with pytest.raises(WrongState):
            STEPS[step](before)
        return
    after = STEPS[step](before)
    assert after.state is LEADS_TO[step, state]
    assert after.version == before.version + 1
    assert after.audit[:-1] == before.audit
    assert (after.audit[-1].action, after.audit[-1].version) == (step, after.version)


def test_an_amended_verified_one_keeps_its_verified_content_until_the_next_verification() -> None:
    before = builders.verified()
    amended = STEPS["amend"](before)
    assert amended.verified == before.content
    assert STEPS["return"](amended).verified == before.content
    assert STEPS["verify"](amended).verified == amended.content


def test_the_first_verification_of_a_work_keeps_its_time_until_another_work_is_verified() -> None:
    def at(hour: int, **fields: Any) -> Change:
        return replace(by("third"), now=builders.NOW.replace(hour=hour), **fields)

    def verified(submission: Submission, hour: int) -> Submission:
        return transitions.decide(submission, Decision.VERIFY, at(hour))

    first = verified(builders.submitted(), 4)
    assert first.verified_at == builders.NOW.replace(hour=4)
    same = transitions.amend(first, content(first.content.work_key[4:], title="T"), change())
    assert same.verified_at == verified(same, 5).verified_at == first.verified_at
    other = transitions.amend(first, content("10.1000/other"), change())
    assert other.verified_at == first.verified_at
    assert verified(other, 6).verified_at == builders.NOW.replace(hour=6)
    assert transitions.withdraw(first, change(reason="declared twice")).verified_at is None


@pytest.mark.parametrize("step", ["withdraw", "reject"])
def test_a_closed_submission_has_no_verified_content(step: str) -> None:
    assert STEPS[step](STEPS["amend"](builders.verified())).verified is None


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("subject", ["author", "editor"])
def test_nobody_decides_about_own_work(decision: Decision, subject: str) -> None:
    mine = replace(builders.submitted(), submitted_by="author", edited_by="editor")
    with pytest.raises(Forbidden) as refusal:
        transitions.decide(mine, decision, by(subject, "why"))
    assert refusal.value.reason == "OWN_WORK"


def test_whoever_approved_for_the_unit_cannot_verify() -> None:
    with pytest.raises(Forbidden) as refusal:
        transitions.decide(builders.unit_approved(), Decision.VERIFY, by("reviewer"))
    assert refusal.value.reason == "OWN_APPROVAL"


def test_an_approval_of_older_content_does_not_bar_a_verification() -> None:
    amended = STEPS["amend"](builders.unit_approved())
    assert transitions.decide(amended, Decision.VERIFY, by("reviewer")).state is State.VERIFIED


@pytest.mark.parametrize(
    ("decision", "role"),
    [
        (Decision.APPROVE, "approver"),
        (Decision.VERIFY, "reviewer"),
        (Decision.REJECT, "reviewer"),
        (Decision.RETURN, "contributor"),
    ],
)
def test_a_decision_needs_its_role(decision: Decision, role: str) -> None:
    with pytest.raises(Forbidden, match="needs the role"):
        transitions.decide(builders.submitted(), decision, by("third", "why", frozenset({role})))


@pytest.mark.parametrize("decision", [Decision.RETURN, Decision.REJECT])
def test_sending_back_and_rejecting_need_a_reason(decision: Decision) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        transitions.decide(builders.submitted(), decision, by("third", " "))
    assert list(refusal.value.fields) == ["reason"]


def test_handing_in_needs_evidence_and_drafting_does_not() -> None:
    bare = content(proofs=0)
    sketch = transitions.amend(builders.draft(), bare, change())
    steps: list[Callable[[], Submission]] = [
        lambda: transitions.submit(sketch, change()),
        lambda: transitions.amend(builders.submitted(), bare, change()),
        lambda: transitions.create("1", "alpha", bare, None, change(), submit=True),
    ]
    for step in steps:
        with pytest.raises(InvalidArgument) as refusal:
            step()
        assert list(refusal.value.fields) == ["content.evidence"]


def test_a_version_that_is_not_the_newest_is_a_conflict() -> None:
    transitions.need_version(builders.draft(), 1)
    with pytest.raises(Conflict):
        transitions.need_version(builders.submitted(), 1)


def test_versions_after_a_restore_are_above_all_before() -> None:
    assert next_version(0, 0) == 1
    assert next_version(7, 0) == 8
    assert next_version(7, 1) == (1 << 40) + 8
    assert next_version((1 << 40) + 8, 1) == (1 << 40) + 9


def test_a_seen_request_is_recognised_and_an_empty_one_never() -> None:
    once = transitions.submit(builders.draft(), change(request_id="r1", request_sha256="a"))
    assert once.has_seen(change(request_id="r1", request_sha256="a"))
    assert not once.has_seen(change(request_id="r2", request_sha256="a"))
    assert not once.has_seen(change())


def test_a_seen_request_id_is_of_no_use_for_anything_else() -> None:
    once = transitions.submit(builders.draft(), change(request_id="r1", request_sha256="a"))
    with pytest.raises(AlreadyExists) as refusal:
        once.has_seen(change(request_id="r1", request_sha256="b"))
    assert list(refusal.value.fields) == ["request_id"]


def test_a_request_of_a_release_without_digests_is_answered_as_before() -> None:
    once = transitions.submit(builders.draft(), change(request_id="r1"))
    assert once.asked == ()
    assert once.has_seen(change(request_id="r1", request_sha256="b"))


def test_a_unit_lies_below_itself_and_every_unit_above() -> None:
    assert list(ancestors("alpha/one/lab")) == ["alpha", "alpha/one", "alpha/one/lab"]


@pytest.mark.parametrize("state", [S, U])
def test_what_is_submitted_twice_needs_nothing_more(state: State) -> None:
    with pytest.raises(WrongState, match="submitted already and waits for a decision"):
        transitions.submit(IN_STATE[state](), change())
