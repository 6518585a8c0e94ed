"""The beginning of an id is enough, as long as it names only one."""

from __future__ import annotations

from typing import Any

import pytest

from kieng.submissions.v1 import submission_service_pb2 as api
from services.cli.client.id_prefixes import completed
from services.cli.client.submission_ids import full_id
from services.cli.errors import Failure

IDS = [f"vnu.0197c2a0-51d{n}-7f31-9a44-5b0c7d1e2f01" for n in range(9)]


class Submissions:
    """A service that has these ids; it notes how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def ListSubmissions(self, request: Any) -> Any:
        self.asked += 1
        answer = api.ListSubmissionsResponse()
        for each in IDS:
            if each.startswith(request.submission_id_prefix):
                answer.submissions.add(submission_id=each)
        del answer.submissions[request.page_size :]
        return answer


@pytest.mark.parametrize(
    "given",
    [
        "vnu.0197c2a0-51d7",
        "0197c2a0-51d7",
        " 0197c2a0-51d7… ",
        "vnu.0197c2a0-51d7...",
        IDS[7],
        IDS[7].removeprefix("vnu."),
    ],
)
def test_a_submission_is_named_by_the_beginning_of_its_id(given: str) -> None:
    assert full_id(Submissions(), given, "vnu") == IDS[7]


def test_a_whole_id_is_not_looked_up_and_an_unknown_one_is_left_to_the_service() -> None:
    service = Submissions()
    assert full_id(service, IDS[1], "") == IDS[1]
    assert service.asked == 0
    assert full_id(service, "hust.01", "vnu") == "hust.01"


def test_several_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failure) as failed:
        full_id(Submissions(), "0197", "vnu")
    lines = failed.value.message.splitlines()
    assert "'0197'" in lines[0]
    assert [line.strip() for line in lines[1:]] == [*IDS[:5], "..."]


def test_several_are_listed_with_what_tells_them_apart() -> None:
    service: Any = Submissions()
    answer = service.ListSubmissions(api.ListSubmissionsRequest(page_size=2))
    answer.submissions[0].content.unit_id = "vnu/hus"
    answer.submissions[0].content.facts.publication.title = "Vật liệu mới"
    service.ListSubmissions = lambda request: answer
    with pytest.raises(Failure) as failed:
        full_id(service, "0197", "vnu")
    assert failed.value.message.splitlines()[1:] == [
        f"  {IDS[0]}  vnu/hus  Vật liệu mới",
        f"  {IDS[1]}",
    ]


@pytest.mark.parametrize("given", ["5b0c7d1e2f01", "…5b0c7d1e2f01", "7f31-9a44-5b0c7d1e2f01"])
def test_who_gives_the_end_of_an_id_is_told_the_whole(given: str) -> None:
    with pytest.raises(Failure, match=f"did you mean '{IDS[3]}'"):
        full_id(Submissions(), given, "vnu", ["vnu.01", IDS[3]])
    for seen in (["vnu.01"], [IDS[3], f"vnu.{given.lstrip('…')}"]):
        assert full_id(Submissions(), given, "vnu", seen).startswith("vnu.")


def test_an_id_is_completed_among_those_of_a_list() -> None:
    known = ["catalogue-3fa9c1-1", "catalogue-3fa9c1-10", "view-77-1"]
    assert completed("view", known) == "view-77-1"
    assert completed("catalogue-3fa9c1-1", known) == "catalogue-3fa9c1-1"
    assert completed("none", known) == "none"
    with pytest.raises(Failure, match="catalogue-3fa9c1-10"):
        completed("catalogue", known)
