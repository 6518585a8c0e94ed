"""What an author finds again: submissions by id, record, time and author, and their history."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.kernel.metrics import GRPC_RUNNING
from services.submissions import store
from services.submissions.matching import fits
from tests.integration.submissions.conftest import Running, token
from tests.integration.submissions.test_service import (
    RETURN,
    amend,
    create,
    decide,
    doi,
    request_id,
)
from tests.unit.submissions.builders import publication
from tests.waiting import wait_until


def test_a_list_is_filtered_by_id_record_time_and_author(service: Running) -> None:
    source = pb.SourceRecord(system="cris", record_id=request_id())
    mine = service.caller("alpha", request_id(), "contributor")
    first = create(mine, source_record=source)
    second = create(mine)
    create(service.author)

    def found(**filters: Any) -> list[pb.Submission]:
        return list(mine.ListSubmissions(rpc.ListSubmissionsRequest(**filters)).submissions)

    assert found(submission_id_prefix=first.submission_id[:-4]) == [first]
    assert found(submission_id_prefix=first.submission_id[:-4], work_key=first.work_key) == [first]
    assert found(submission_id_prefix="beta.") == []
    assert found(record_id=source.record_id) == [first]
    assert found(mine=True) == [first, second]
    assert second in found(changed_since=second.updated_at)
    assert found(mine=True, changed_since=second.updated_at)[-1:] == [second]
    later = Timestamp(seconds=second.updated_at.seconds + 3600)
    assert found(changed_since=later) == []
    pages = rpc.ListSubmissionsRequest(mine=True, submission_id_prefix="alpha.", page_size=1)
    page = mine.ListSubmissions(pages)
    pages.page_token = page.next_page_token
    assert [*page.submissions, *mine.ListSubmissions(pages).submissions] == [first, second]


def test_the_history_of_a_submission_is_read_by_its_institution(service: Running) -> None:
    made = create(service.author)
    returned = decide(service.approver, made, RETURN, "the proof is missing")
    amended = amend(service.author, returned, publication(doi()))
    asked = rpc.GetSubmissionRequest(submission_id=made.submission_id, with_history=True)
    history = service.approver.GetSubmission(asked).submission.history
    assert [(each.version, each.action, each.subject, each.reason) for each in history] == [
        (1, pb.ACTION_CREATE, "author", ""),
        (2, pb.ACTION_RETURN, "decider", "the proof is missing"),
        (3, pb.ACTION_AMEND, "author", ""),
    ]
    assert history[2].at == amended.updated_at
    asked.with_history = False
    assert not service.approver.GetSubmission(asked).submission.history


class Reading:
    """Counts the submissions that a list looks at; the first waits until it may go on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.began, self.go_on = threading.Event(), threading.Event()
        self._fits, self._page = fits, store.Submissions.page
        patch.setattr(store, "fits", self.fits)
        patch.setattr(store.Submissions, "page", lambda *given: self.page(*given))

    def fits(self, *given: Any) -> bool:
        self.count += 1
        self.began.set()
        assert self.go_on.wait(30)
        return self._fits(*given)

    def page(self, *given: Any) -> Any:
        self.is_wanted = given[-1]
        return self._page(*given)


def running_calls() -> float:
    return sum(sample.value for each in GRPC_RUNNING.collect() for sample in each.samples)


def test_a_list_is_read_no_further_once_its_caller_has_left(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, author = doi(), service.author
    made = [create(author, publication(work), submit=False) for _ in range(8)]
    wait_until(lambda: not running_calls())
    request = rpc.ListSubmissionsRequest(work_key=made[0].work_key, states=[pb.STATE_REJECTED])
    whole = Reading(monkeypatch)
    whole.go_on.set()
    assert not author.ListSubmissions(request).submissions
    assert whole.count == len(made), "with its caller there, it is read to the end"
    monkeypatch.undo()

    left = Reading(monkeypatch)
    bearer = (("authorization", f"Bearer {token('alpha', 'author', 'contributor')}"),)
    with grpc.insecure_channel(service.address) as channel:
        stub = SubmissionServiceStub(channel)
        call: Any = stub.ListSubmissions
        asked = call.future(request, timeout=20, metadata=bearer)
        assert left.began.wait(20)
        assert left.is_wanted()
        asked.cancel()
        wait_until(lambda: not left.is_wanted(), what="the service knows that the caller has left")
    left.go_on.set()
    wait_until(lambda: not running_calls(), what="nobody works on it any more")
    assert left.count == 1
