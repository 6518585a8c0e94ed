"""What `kieng review import` makes of a file, and what it prints of the answers."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from kieng.submissions.v1 import review_service_pb2 as api
from services.cli.client.resuming import Patience
from services.cli.commands import review, review_queue
from services.cli.commands.import_report import RefusedRow
from services.cli.commands.review_waiting import Filters, Role
from services.cli.session import Session
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang

CHANGED = "the submission was changed in between; read it again and repeat"


def file(folder: Path, *lines: str) -> Path:
    path = folder / "decisions.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_of_an_exported_file_name_submission_and_version(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "Quyết định,Lý do,Mã hồ sơ,Phiên bản,Hệ thống nguồn,Mã bản ghi",
        "xác minh,,vnu.1,7,cris,r1",
        "trả lại,thiếu minh chứng,vnu.2,8,cris,r2",
        ",,vnu.3,9,cris,r3",
    )
    found = review.read(path, "file")
    assert (found.left_open, found.refused) == (1, [])
    (_, one), (row, two) = found.requests
    assert (one.submission_id, one.version, one.decision) == ("vnu.1", 7, api.DECISION_VERIFY)
    assert (row, two.decision, two.reason) == (3, api.DECISION_RETURN, "thiếu minh chứng")


def test_rows_of_other_systems_name_their_records(tmp_path: Path) -> None:
    path = file(tmp_path, "record_id,decision,reason,system", "a1,verify,,", "a2,reject,no,hr")
    found = review.read(path, "cris")
    records = [(r.source_record.system, r.source_record.record_id) for _, r in found.requests]
    assert records == [("cris", "a1"), ("hr", "a2")]
    assert [request.version for _, request in found.requests] == [0, 0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("maybe,vnu.1,1", "'maybe' is no decision; choose one of approve, verify, return, reject"),
        ("verify,,1", "the row names no submission: fill in record_id or submission_id"),
        ("verify,vnu.1,1.5", "version '1.5' is not a number"),
        (f"verify,vnu.1,{10**19}", "version '10000000000000000000' is not a number"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_row(
    tmp_path: Path, line: str, problem: str
) -> None:
    path = file(tmp_path, "decision,submission_id,version", line)
    (row,) = review.read(path, "file").refused
    assert row.row == 2
    assert problem in row.problem


class Service:
    """Answers three decisions: taken, taken before, refused."""

    def __call__(self, requests: object) -> object:
        one, two, three = list(requests)  # type: ignore[call-overload]
        yield api.DecideSubmissionsResponse(request_id=one.request_id, submission_id="s1")
        same = api.DecideSubmissionsResponse(request_id=two.request_id, submission_id="s2")
        same.unchanged = True
        yield same
        refused = api.DecideSubmissionsResponse(request_id=three.request_id)
        refused.error.code = 9
        refused.error.message = "it is verified since yesterday"
        yield refused

    DecideSubmissions = __call__


def test_what_is_refused_is_told_in_the_language_of_the_reader(tmp_path: Path) -> None:
    path = file(tmp_path, "decision,submission_id,version", "maybe,vnu.1,1", "verify,vnu.2,x")
    told = [row.problem for row in review.read(path, "file", Lang.vi).refused]
    wanted = "không phải là quyết định; hãy chọn một trong: duyệt, xác minh, trả lại, từ chối"
    assert told[0].endswith(wanted)
    assert told[1] == "phiên bản 'x' không phải số; hãy để nguyên như khi xuất"
    sent = review.Sent(lang=Lang.vi)
    review._send(Changed(), [(2, api.DecideSubmissionsRequest())], lambda: None, Patience(), sent)
    assert sent.refused[0].problem.startswith("hồ sơ vừa được người khác sửa")


class Changed:
    """Refuses every decision, because the submission was changed."""

    def DecideSubmissions(self, requests: object) -> object:
        for request in requests:  # type: ignore[attr-defined]
            refused = api.DecideSubmissionsResponse(request_id=request.request_id)
            refused.error.code = 10
            refused.error.message = CHANGED
            yield refused


def test_taken_unchanged_and_refused_are_counted_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"verify,vnu.{n},1" for n in range(1, 4)]
    found = review.read(file(tmp_path, "decision,submission_id,version", *lines), "file")
    sent = review.Sent()
    steps: list[int] = []
    review._send(Service(), found.requests, lambda: steps.append(1), Patience(), sent)
    assert (sent.decided, sent.unchanged, len(steps)) == (1, 1, 3)
    assert [(row.row, row.record_id) for row in sent.refused] == [(4, "vnu.3")]
    review.answer(Screen(Output.json, Lang.en), sent, left_open=5)
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert [told[name] for name in ("decided", "unchanged", "left_open", "refused")] == [1, 1, 5, 1]
    assert "1 had been taken before" in " ".join(printed.err.split())


def test_without_refusals_only_the_counts_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    review.answer(Screen(lang=Lang.vi), review.Sent(decided=2))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "2 quyết định có hiệu lực" in printed.err
    review.answer(Screen(lang=Lang.vi), review.Sent(refused=[RefusedRow(2, "r", "", "no", "")]))
    assert "no" in capsys.readouterr().out


def test_the_next_command_is_about_the_same_person_and_unit() -> None:
    with ExitStack() as resources:
        session = Session(resources, (), Screen(), institution="vnu", subject="an@vnu")
        everything = review_queue.options_of(session, Filters())
        some = review_queue.options_of(session, Filters(Role.reviewer, "vnu/hus", "task"))
    assert everything == " --institution vnu --subject an@vnu"
    assert some == f"{everything} --role reviewer --unit vnu/hus --type task"
