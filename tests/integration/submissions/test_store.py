from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.kernel.errors import AlreadyExists, Conflict, Exhausted, NotFound
from services.kernel.publisher import Event
from services.submissions.documents import Write, waiting
from services.submissions.domain import transitions
from services.submissions.domain.submission import Decision, SourceRecord, Submission
from services.submissions.events import TOPIC, events_of
from services.submissions.store import OUTBOX_MAX, Submissions
from tests.unit.submissions.builders import by, change, content


def new(number: int, record: str = "", request_id: str = "") -> Submission:
    source = SourceRecord("cris", record) if record else None
    made = change(request_id=request_id, request_sha256="0" * 64 if request_id else "")
    return transitions.create(f"id-{number}", "alpha", content(), source, made, submit=True)


def inserted(submissions: Submissions, number: int = 1, **fields: str) -> Submission:
    first = new(number, **fields)
    submissions.insert(Write(None, first, events_of(None, first)))
    return first


def amended(submissions: Submissions, submission_id: str, doi: str) -> Write:
    before = submissions.get(submission_id)
    after = transitions.amend(before.submission, content(doi), change())
    return Write(before, after, events_of(before.submission, after))


def test_what_is_written_is_read_again(submissions: Submissions) -> None:
    first = inserted(submissions, record="r/1", request_id="q1")
    loaded = submissions.get("id-1")
    assert (loaded.submission, loaded.pending) == (first, 1)
    assert submissions.of_request("q1") == loaded
    assert submissions.of_source(SourceRecord("cris", "r/1")) == loaded
    source = SourceRecord("cris", "r/1")
    assert submissions.of_sources([source, SourceRecord("cris", "r/2")]) == {source: loaded}
    assert submissions.of_ids(["id-1", "id-2"]) == {"id-1": loaded}
    with pytest.raises(NotFound):
        submissions.get("id-2")


def test_a_request_id_that_the_service_made_is_not_reserved(submissions: Submissions) -> None:
    row = transitions.create(
        "id-1", "alpha", content(), SourceRecord("cris", "r/1"), change(request_id="q"), submit=True
    )
    submissions.insert(Write(None, row, events_of(None, row)))
    loaded = submissions.get("id-1")
    assert loaded.document["names"] == ["source/cris/r/1"]
    assert loaded.submission.has_seen(change(request_id="q")), "a retry knows its own write"
    assert submissions.of_request("q") is None


def test_a_verified_one_is_read_again_with_both_contents(submissions: Submissions) -> None:
    inserted(submissions)
    before = submissions.get("id-1")
    after = transitions.decide(before.submission, Decision.VERIFY, by("approver"))
    submissions.replace(Write(before, after, events_of(before.submission, after)))
    submissions.replace(amended(submissions, "id-1", "10.1000/new"))
    loaded = submissions.get("id-1").submission
    assert loaded.verified == before.submission.content
    assert [entry.action for entry in loaded.audit] == ["create", "verify", "amend"]


def test_of_many_that_are_written_at_once_only_the_known_ones_are_refused(
    submissions: Submissions,
) -> None:
    """Half of them carry a request id that another one of them, or a stored one, has too."""
    inserted(submissions, 100, request_id="q0")

    def insert(number: int) -> bool:
        made = new(number, request_id=f"q{number // 2}")
        try:
            submissions.insert_with_others(Write(None, made, events_of(None, made)))
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        taken = list(pool.map(insert, range(40)))
    pairs = [taken[2 * number] + taken[2 * number + 1] for number in range(20)]
    assert pairs == [0, *[1] * 19]
    assert len(list(submissions.every(100))) == 20


@pytest.mark.parametrize("fields", [{"record": "r1"}, {"request_id": "q1"}])
def test_a_record_and_a_request_are_unique_for_ever(
    submissions: Submissions, fields: dict[str, str]
) -> None:
    inserted(submissions, 1, **fields)
    with pytest.raises(AlreadyExists):
        inserted(submissions, 2, **fields)
    repeated, other = new(3, **fields), new(4)
    assert submissions.batches.write([Write(None, repeated), Write(None, other)]) == {"id-3"}
    assert submissions.get("id-4").submission == other


def test_the_slower_of_two_writers_gets_a_conflict(submissions: Submissions) -> None:
    inserted(submissions)
    fast = amended(submissions, "id-1", "10.1000/fast")
    slow = amended(submissions, "id-1", "10.1000/slow")
    submissions.replace(fast)
    with pytest.raises(Conflict):
        submissions.replace(slow)
    assert submissions.batches.write([slow]) == {"id-1"}
    assert submissions.get("id-1").submission == fast.after


def test_an_outbox_takes_no_more_than_its_limit(submissions: Submissions) -> None:
    inserted(submissions)
    for _ in range(OUTBOX_MAX - 1):
        submissions.replace(amended(submissions, "id-1", "10.1000/xyz"))
    with pytest.raises(Exhausted):
        submissions.replace(amended(submissions, "id-1", "10.1000/xyz"))
    submissions.clear(submissions.pending(1))
    submissions.replace(amended(submissions, "id-1", "10.1000/xyz"))


def test_waiting_events_come_back_whole_and_in_order(submissions: Submissions) -> None:
    event = Event(
        "e1",
        TOPIC,
        "k",
        "t",
        "kieng/submissions/alpha",
        b"v",
        datetime(2025, 1, 1, tzinfo=UTC),
        "00-t",
    )
    submissions.insert(Write(None, new(1), [event, replace(event, event_id="e2")]))
    assert waiting(submissions.pending(10)) == [event, replace(event, event_id="e2")]


def test_clearing_leaves_an_event_that_was_pushed_meanwhile(submissions: Submissions) -> None:
    inserted(submissions, 1)
    inserted(submissions, 2)
    read = submissions.pending(10)
    submissions.replace(amended(submissions, "id-1", "10.1000/new"))
    submissions.clear(read)
    (left,) = submissions.pending(10)
    assert [event.event_id for event in waiting([left])] == [
        "id-1:2:doi:10.1000/xyz",
        "id-1:2:doi:10.1000/new",
    ]
    submissions.clear([left])
    assert submissions.count_pending() == 0


def test_the_restore_epoch_lifts_every_version(submissions: Submissions) -> None:
    submissions._database["meta"].insert_one({"_id": "restore", "restore_epoch": 2})
    assert submissions.epoch == 2
