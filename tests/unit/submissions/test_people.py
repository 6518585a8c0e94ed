from dataclasses import replace

import pytest

from services.kernel.errors import Forbidden, InvalidArgument
from services.submissions.domain import people, transitions
from services.submissions.domain.people import person
from services.submissions.domain.submission import Decision, State
from services.submissions.events import events_of
from tests.unit.submissions import builders
from tests.unit.submissions.builders import by, change, content

SAME = ["author", "Author", " author ", "au thor", "auth\u200bor", "\u202eauthor", "\uff41uthor"]


@pytest.mark.parametrize("subject", SAME)
def test_subjects_that_look_alike_are_one_person(subject: str) -> None:
    assert person(subject) == person("author")


@pytest.mark.parametrize("filler", "\u115f\u1160\u2800\u3164\uffa0")
def test_a_letter_that_nobody_sees_makes_no_other_person(filler: str) -> None:
    """Fillers are printable, so that a token may name a subject with them."""
    assert filler.isprintable()
    assert person(f"aut{filler}hor{filler}") == person("author")


@pytest.mark.parametrize("subject", ["author2", "autho", "āuthor", ""])
def test_other_subjects_are_other_persons(subject: str) -> None:
    assert person(subject) != person("author")


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("subject", SAME)
def test_nobody_decides_about_own_work_after_another_amended_it_identically(
    decision: Decision, subject: str
) -> None:
    amended = transitions.amend(builders.submitted(), content(), change("second"))
    assert (amended.submitted_by, amended.edited_by) == ("second", "second")
    with pytest.raises(Forbidden) as refusal:
        transitions.decide(amended, decision, by(subject, "why"))
    assert refusal.value.reason == "OWN_WORK"


def test_who_only_submitted_a_draft_of_another_has_written_it_too() -> None:
    sent = transitions.submit(builders.draft(), change("second"))
    back = transitions.decide(sent, Decision.RETURN, by("third", "why"))
    again = transitions.submit(back, change("fourth"))
    for subject in ("author", "second", "fourth"):
        with pytest.raises(Forbidden):
            transitions.decide(again, Decision.VERIFY, by(subject))
    assert transitions.decide(again, Decision.VERIFY, by("third")).state is State.VERIFIED


def test_an_approval_of_the_same_content_bars_a_verification_after_an_amendment() -> None:
    amended = transitions.amend(builders.unit_approved(), content(), change())
    assert amended.approved_by == ""
    with pytest.raises(Forbidden) as refusal:
        transitions.decide(amended, Decision.VERIFY, by("Reviewer"))
    assert refusal.value.reason == "OWN_APPROVAL"


@pytest.mark.parametrize("decision", [Decision.VERIFY, Decision.REJECT, Decision.RETURN])
def test_an_approver_of_a_unit_does_not_decide_for_the_institution(decision: Decision) -> None:
    narrow = replace(by("third", "why", frozenset({"approver"})), is_institution_wide=False)
    with pytest.raises(Forbidden) as refusal:
        transitions.decide(builders.submitted(), decision, narrow)
    assert refusal.value.reason == "SCOPE_TOO_NARROW"


def test_a_reviewer_of_a_unit_still_returns_and_approves() -> None:
    narrow = replace(by("third", "why"), is_institution_wide=False)
    for decision in (Decision.APPROVE, Decision.RETURN):
        transitions.decide(builders.submitted(), decision, narrow)


def test_verified_work_is_withdrawn_with_a_reason_only() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        transitions.withdraw(builders.verified(), change(reason=" \n"))
    assert list(refusal.value.fields) == ["reason"]
    assert transitions.withdraw(builders.verified(), change(reason="twice")).verified is None


def test_an_amendment_makes_nobody_the_owner_of_what_was_verified_before() -> None:
    amended = transitions.amend(builders.verified(), content("10.1000/b"), change("second"))
    assert people.owners(amended) == ("author",)
    for subject in ("second", "third"):
        with pytest.raises(Forbidden) as refusal:
            transitions.withdraw(amended, change(subject, reason="why"))
        assert refusal.value.reason == "NOT_OWN_WORK"
    assert transitions.withdraw(amended, change(" AUTHOR", reason="mine")).state is State.WITHDRAWN


@pytest.mark.parametrize("subject", ["approver", "third"])
def test_an_approver_of_the_institution_withdraws_and_the_owner_is_notified(subject: str) -> None:
    before = builders.verified()
    gone = transitions.withdraw(before, by(subject, "why"))
    assert people.authors_to_notify(gone) == ("author",)
    narrow = replace(by(subject, "why"), is_institution_wide=False)
    with pytest.raises(Forbidden):
        transitions.withdraw(before, narrow)
    assert people.authors_to_notify(transitions.repair(gone, by("operator", "why"))) == ("author",)


def test_nobody_is_notified_of_an_own_withdrawal() -> None:
    gone = transitions.withdraw(builders.verified(), change("Author", reason="why"))
    assert people.authors_to_notify(gone) == ()
    assert all(
        b"authors_to_notify" not in event.value for event in events_of(builders.verified(), gone)
    )


def test_work_that_was_never_verified_is_withdrawn_by_any_contributor_of_the_unit() -> None:
    gone = transitions.withdraw(builders.submitted(), change("second"))
    assert people.authors_to_notify(gone) == ("author",)
    with pytest.raises(Forbidden):
        transitions.withdraw(builders.submitted(), change("second", roles=frozenset()))


def test_who_renewed_a_withdrawn_submission_has_written_it() -> None:
    renewed = transitions.renew(builders.withdrawn(), content(), change("second"))
    for subject in ("author", "second"):
        with pytest.raises(Forbidden) as refusal:
            transitions.decide(renewed, Decision.VERIFY, by(subject))
        assert refusal.value.reason == "OWN_WORK"
