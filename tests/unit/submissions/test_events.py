from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kieng.submissions.v1 import events_pb2
from services.kernel.errors import Refusal
from services.kernel.publisher import Event
from services.submissions import wire
from services.submissions.domain import transitions
from services.submissions.domain.claims import claim_on, live_keys
from services.submissions.domain.submission import Change, Decision, Submission
from services.submissions.events import encode_claim, events_of
from tests.unit.submissions import builders
from tests.unit.submissions.builders import by, change, content

Step = Callable[[Submission], Submission]
# Still the first of July in London, already the second in Hanoi.
LATE_EVENING = datetime(2025, 7, 1, 17, 30, tzinfo=UTC)
DOIS = ["10.1000/a", "10.1000/b", "10.1000/c"]


def amending(doi: str) -> Step:
    return lambda s: transitions.amend(s, content(doi), change())


STEPS: list[Step] = [
    *map(amending, DOIS),
    lambda s: transitions.submit(s, change()),
    lambda s: transitions.withdraw(s, change()),
    *(
        lambda s, decision=decision: transitions.decide(s, decision, by("third", "why"))
        for decision in Decision
        for _ in range(2)
    ),
]


def decode(event: Event) -> events_pb2.SubmissionChanged:
    return events_pb2.SubmissionChanged.FromString(event.value)


@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_the_newest_event_of_every_work_shows_exactly_what_counts_there(steps: list[Step]) -> None:
    submission = builders.draft(DOIS[0])
    newest: dict[str, events_pb2.SubmissionChanged] = {}
    for step in steps:
        previous = submission
        try:
            submission = step(previous)
        except Refusal:
            continue
        events = [decode(event) for event in events_of(previous, submission)]
        newest.update((event.work_key, event) for event in events)
        assert [e.work_key for e in events if e.primary] == [
            submission.content.work_key for _ in events[:1]
        ]
        assert len({e.work_key for e in events}) == len(events)
        assert all(e.version == submission.version for e in events)
    assert live_keys(submission) <= newest.keys()
    # A log that is filled anew takes everything back: an old event may still be on its way.
    anew = {event.work_key: event for event in map(decode, events_of(None, submission))}
    assert newest.keys() <= anew.keys()
    for key in anew:
        assert (anew[key].HasField("declared") or anew[key].HasField("verified")) == (
            key in live_keys(submission)
        )
    for key, event in newest.items():
        declared, verified = claim_on(submission, key)
        assert event.HasField("declared") == (declared is not None)
        assert event.HasField("verified") == (verified is not None)
        if declared:
            assert event.declared == encode_claim(declared)
        if verified:
            assert event.verified == encode_claim(verified)


def test_a_draft_tells_nobody() -> None:
    draft = builders.draft()
    assert events_of(None, draft) == []
    assert events_of(draft, transitions.withdraw(draft, change())) == []


def test_a_moved_claim_is_retracted_from_its_old_work_first() -> None:
    before = builders.submitted("10.1000/a")
    after = transitions.amend(before, content("10.1000/B"), change())
    retraction, claim = events_of(before, after)
    assert (retraction.key, claim.key) == ("doi:10.1000/a", "doi:10.1000/b")
    assert not decode(retraction).HasField("declared")
    assert (decode(retraction).primary, decode(claim).primary) == (False, True)
    assert claim.event_id == f"{after.submission_id}:{after.version}:doi:10.1000/b"


def test_a_returned_amendment_leaves_the_verified_work_counting() -> None:
    moved = transitions.amend(builders.verified(), content("10.1000/moved"), change())
    back = transitions.decide(moved, Decision.RETURN, by("third", "why"))
    old, current = map(decode, events_of(moved, back))
    assert old.HasField("verified")
    assert not old.HasField("declared")
    assert not current.HasField("verified")
    assert not current.HasField("declared")
    assert current.primary


def test_the_time_of_the_first_verification_travels_with_what_is_verified() -> None:
    submission = builders.verified()
    assert submission.verified_at is not None
    told = [decode(each) for each in events_of(None, submission)]
    assert [each.verified_at.ToDatetime(UTC) for each in told] == [submission.verified_at]
    moved = transitions.amend(submission, content(DOIS[1]), change())
    by_work = {each.work_key: each for each in map(decode, events_of(submission, moved))}
    assert {key: each.HasField("verified_at") for key, each in by_work.items()} == {
        submission.content.work_key: True,
        f"doi:{DOIS[1]}": False,
    }


def test_no_personal_field_and_no_place_of_a_proof_leaves_the_institution() -> None:
    expert = wire.decode_content(builders.expert("Somebody"), "1")
    first = transitions.create("1", "alpha", expert, None, change(), submit=True)
    (event,) = events_of(None, first, "00-trace")
    assert b"Somebody" not in event.value
    assert b"store://7" not in event.value
    claim = decode(event).declared
    assert list(claim.evidence_sha256) == ["a" * 64]
    assert claim.facts.expert.person_id == "person-1"
    assert event.traceparent == "00-trace"


def later(days: int, subject: str = "author") -> Change:
    return replace(by(subject, "why"), now=builders.NOW + timedelta(days=days))


def reported(submission: Submission) -> str:
    return decode(events_of(None, submission)[-1]).reported_on


def test_the_day_of_the_first_submission_is_told_in_vietnam_and_never_moves() -> None:
    draft = transitions.create(
        "1", "alpha", content(), None, Change("author", LATE_EVENING, ""), submit=False
    )
    steps = [transitions.submit(transitions.amend(draft, content("10.1000/b"), later(1)), later(2))]
    steps.append(transitions.decide(steps[-1], Decision.RETURN, later(3, "third")))
    steps.append(transitions.amend(steps[-1], content("10.1000/c"), later(4)))
    steps.append(transitions.decide(steps[-1], Decision.VERIFY, later(5, "third")))
    assert {reported(step) for step in steps} == {"2025-07-03"}
    handed_in = transitions.create(
        "2", "alpha", content(), None, Change("author", LATE_EVENING, ""), submit=True
    )
    back = transitions.decide(handed_in, Decision.RETURN, later(3, "third"))
    assert {reported(s) for s in (handed_in, back, transitions.submit(back, later(9)))} == {
        "2025-07-02"
    }
