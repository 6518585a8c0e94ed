"""What an author finds again: submissions by id, record, time and author, and their history."""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from tests.integration.submissions.conftest import Running
from tests.integration.submissions.test_service import (
    RETURN,
    amend,
    create,
    decide,
    doi,
    request_id,
)
from tests.unit.submissions.builders import publication


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
