"""Many submissions in one transaction: all that can be written are, with their events, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from services.kernel.errors import Exhausted
from services.submissions import batches
from services.submissions.documents import Write, waiting
from services.submissions.domain import transitions
from services.submissions.domain.submission import Decision, Submission
from services.submissions.events import events_of
from services.submissions.outbox import Outage, SubmissionOutbox
from services.submissions.store import GROUP_MAX, Submissions
from tests.integration.submissions.test_store import amended, inserted, new
from tests.unit.submissions.builders import by


def first(number: int, **fields: str) -> Write:
    made = new(number, **fields)
    return Write(None, made, events_of(None, made))


def verified(submissions: Submissions, number: int, request_id: str = "") -> Write:
    before = submissions.get(f"id-{number}")
    sha256 = "0" * 64 if request_id else ""
    asked = replace(by("approver"), request_id=request_id, request_sha256=sha256)
    after = transitions.decide(before.submission, Decision.VERIFY, asked)
    return Write(before, after, events_of(before.submission, after))


def stored(submissions: Submissions) -> dict[str, Submission]:
    return {each.submission.submission_id: each.submission for each in submissions.every(100)}


def told(submissions: Submissions) -> list[str]:
    return [event.event_id for event in waiting(submissions.pending(1000))]


def test_what_is_written_together_is_read_again_with_all_its_events(
    submissions: Submissions,
) -> None:
    writes = [first(number, record=f"r{number}") for number in range(1, 4)]
    assert submissions.batches.write(writes) == set()
    assert stored(submissions) == {w.after.submission_id: w.after for w in writes}
    (batch,) = submissions.pending(10)
    assert waiting([batch]) == [event for write in writes for event in write.events]
    assert submissions.count_pending() == 3
    decisions = [verified(submissions, number, f"q{number}") for number in range(1, 4)]
    assert submissions.batches.write(decisions) == set()
    assert stored(submissions) == {w.after.submission_id: w.after for w in decisions}
    found = submissions.of_request("q2")
    assert found is not None
    assert found.submission.submission_id == "id-2"
    both = [e.event_id for write in (*writes, *decisions) for e in write.events]
    assert told(submissions) == both, "the events of a submission keep the order of its versions"


def test_the_refused_are_found_and_all_others_are_written_once(submissions: Submissions) -> None:
    inserted(submissions, 50, request_id="used")
    submissions.clear(submissions.pending(10))
    writes = [first(number, request_id="used" if number == 3 else "") for number in range(1, 8)]
    assert submissions.batches.write(writes) == {"id-3"}
    written = [w for w in writes if w.after.submission_id != "id-3"]
    assert set(stored(submissions)) == {w.after.submission_id for w in written} | {"id-50"}
    assert sorted(told(submissions)) == sorted(e.event_id for w in written for e in w.events)
    submissions.clear(submissions.pending(10))
    slow = [verified(submissions, number) for number in (1, 2, 4, 5)]
    faster = amended(submissions, "id-4", "10.1000/fast")
    submissions.replace(faster)
    assert submissions.batches.write(slow) == {"id-4"}
    assert stored(submissions)["id-4"] == faster.after
    assert stored(submissions)["id-5"] == slow[3].after


def test_events_in_its_own_document_are_not_lost_with_it(submissions: Submissions) -> None:
    inserted(submissions, 1)
    decision = verified(submissions, 1)
    assert submissions.batches.write([decision]) == {"id-1"}
    submissions.clear(submissions.pending(10))
    decision = verified(submissions, 1)
    assert submissions.batches.write([decision]) == set()
    assert told(submissions) == [event.event_id for event in decision.events]


def test_what_only_a_newer_release_knows_stays(submissions: Submissions) -> None:
    submissions.batches.write([first(1)])
    submissions._documents.update_one({"_id": "id-1"}, {"$set": {"newer": 7}})
    assert submissions.batches.write([verified(submissions, 1)]) == set()
    assert submissions._documents.find_one({"_id": "id-1"}, {"newer": 1})["newer"] == 7  # type: ignore[index]


def test_of_two_who_write_the_same_at_once_one_is_told(submissions: Submissions) -> None:
    submissions.batches.write([first(number) for number in range(40)])
    rivals = [[verified(submissions, number) for number in range(40)] for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        refused = list(pool.map(submissions.batches.write, rivals))
    assert len(refused[0]) + len(refused[1]) >= 40
    for number in range(40):
        assert stored(submissions)[f"id-{number}"].version in (1, 2)
        won = [f"id-{number}" not in each for each in refused]
        assert sum(won) == stored(submissions)[f"id-{number}"].version - 1


def test_events_too_large_for_one_document_wait_in_several(
    submissions: Submissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = [first(number) for number in range(4)]
    largest = max(sum(len(event.value) for event in write.events) for write in writes)
    monkeypatch.setattr(batches, "EVENT_BYTES_MAX", 2 * largest)
    assert submissions.batches.write(writes) == set()
    assert len(submissions.batches.pending(10)) == 2


def test_a_later_change_waits_until_all_batches_were_read(submissions: Submissions) -> None:
    for number in range(3):
        submissions.batches.write([first(number)])
    submissions.replace(amended(submissions, "id-2", "10.1000/new"))
    outbox = SubmissionOutbox(submissions, Outage())
    rounds = []
    while documents := outbox.pending(2 * GROUP_MAX):
        rounds.append([event.event_id.split(":")[0] for event in outbox.events(documents)])
        outbox.clear(documents)
    assert rounds == [["id-0", "id-1"], ["id-2", "id-2", "id-2"]]


def test_while_the_broker_is_down_for_long_no_batch_is_taken(
    submissions: Submissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "WAITING_MAX", 1)
    submissions.batches.write([first(1), first(2)])
    assert submissions.count_pending() == 2
    with pytest.raises(Exhausted):
        submissions.batches.write([first(3)])
    submissions.clear(submissions.pending(10))
    submissions.count_pending()
    assert submissions.batches.write([first(3)]) == set()


@pytest.mark.parametrize(
    "trouble",
    [BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 14031}]}), OperationFailure("sick")],
)
def test_a_batch_that_fails_for_another_reason_is_nobodys_fault(
    submissions: Submissions, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def full(*given: object, **named: object) -> None:
        raise trouble

    monkeypatch.setattr(submissions.batches, "_documents", SimpleNamespace(insert_many=full))
    with pytest.raises(type(trouble)):
        submissions.batches.write([first(1), first(2)])
    assert told(submissions) == []
