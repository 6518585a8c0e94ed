"""An import tells of every record what its author has to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.rpc import error_details_pb2

from kieng.submissions.v1 import import_service_pb2 as pb
from kieng.submissions.v1 import submission_pb2
from services.cli.commands.import_report import Report, local_mistakes, refusals, show
from services.cli.terminal.screen import Screen
from services.importing import submission_rows
from services.importing.spreadsheets import Table
from services.texts import Lang


def unchanged(
    row: int, state: submission_pb2.State.ValueType, reason: str = ""
) -> pb.ImportSubmissionsResponse:
    return pb.ImportSubmissionsResponse(
        row=row,
        outcome=pb.OUTCOME_UNCHANGED,
        submission_id=f"vnu.{row}",
        version=2,
        state=state,
        reason=reason,
    )


def test_an_unchanged_record_that_is_returned_is_told_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report()
    assert report.take(unchanged(1, submission_pb2.STATE_VERIFIED), "a") == "unchanged"
    answer = unchanged(2, submission_pb2.STATE_RETURNED, "the proof is missing")
    # A plan of an import compares outcomes: nothing would be written either way.
    assert report.take(answer, "b") == "unchanged"
    report.take(unchanged(3, submission_pb2.STATE_REJECTED, "not ours"), "c")
    document = report.document()
    counts = {name: document[name] for name in ("unchanged", "still_returned", "still_rejected")}
    assert counts == {"unchanged": 1, "still_returned": 1, "still_rejected": 1}
    assert [each["reason"] for each in document["still_refused"]] == [
        "the proof is missing",
        "not ours",
    ]
    screen = Screen(lang=Lang.en)
    screen.show(show(screen, report))
    printed = capsys.readouterr().out
    assert "the proof is missing" in printed
    assert "Still returned" in printed


UNKNOWN = "there is no unit 'vnu/x'; `kieng unit search` finds it"


def test_a_refusal_says_apart_what_is_wrong_and_what_to_do() -> None:
    answer = pb.ImportSubmissionsResponse(row=6)
    answer.error.code = 3
    answer.error.message = f"content.unit_id: {UNKNOWN}"
    wrong = error_details_pb2.BadRequest()
    wrong.field_violations.add(field="content.unit_id", description=UNKNOWN)
    answer.error.details.add().Pack(wrong)
    (row,) = refusals(answer, "a", Lang.en)
    assert row.column == "unit_id"
    assert (row.problem, row.remedy) == (
        "there is no unit 'vnu/x'",
        "`kieng unit search` finds it",
    )
    (row,) = refusals(answer, "a", Lang.vi)
    assert (row.problem, row.remedy) == (
        "không có đơn vị 'vnu/x'",
        "Hãy tìm bằng `kieng unit search`",
    )


def test_a_refusal_of_a_whole_row_keeps_its_reason_for_programs() -> None:
    answer = pb.ImportSubmissionsResponse(row=6)
    answer.error.code = 10
    answer.error.message = "the submission was changed in between; read it again and repeat"
    (row,) = refusals(answer, "a", Lang.en)
    told = ("", "the submission was changed in between [ABORTED]", "Read it again and repeat")
    assert (row.column, row.problem, row.remedy) == told


def test_a_usual_import_has_only_the_usual_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.take(unchanged(1, submission_pb2.STATE_SUBMITTED), "a")
    screen = Screen(lang=Lang.en)
    screen.show(show(screen, report))
    assert "Still" not in capsys.readouterr().out
    assert report.document()["still_returned"] == 0


@pytest.mark.parametrize(("lang", "named"), [(Lang.vi, "Ngày công bố"), (Lang.en, "Published on")])
def test_a_refused_row_has_its_record_and_the_headings_of_its_file(lang: Lang, named: str) -> None:
    header = ["Mã bản ghi", "Mã đơn vị", named, "Minh chứng"]
    parsed = submission_rows.parse("publication", header, [(5, ["TK-4", "vnu", "7/2025", ""])], "")
    report, screen = Report(lang=lang), Screen(lang=lang)
    local_mistakes(screen, replace(parsed, table=Table(header, [])), report)
    (row,) = report.refused
    assert (row.row, row.record_id, row.column) == (5, "TK-4", "issued_on")
    assert report.reason(row).startswith(f"{named}: ")
    assert report.heading("evidence") == "Minh chứng"
    assert (
        report.heading("institutions[0]")
        == {
            Lang.vi: "Các trường tham gia[0]",  # codespell:ignore tham
            Lang.en: "institutions[0]",
        }[lang]
    )


def test_evidence_that_a_file_has_no_column_for_is_called_as_a_template_calls_it() -> None:
    assert Report(lang=Lang.vi).heading("evidence") == "Tệp minh chứng"
    assert Report(lang=Lang.en).heading("evidence") == "evidence_file"


def test_two_rows_about_one_work_at_one_unit_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(lang=Lang.en)
    rows = [
        (2, "TK-001", "vnu/hus", "doi:10.5555/tay-1"),
        (3, "TK-002", "vnu/ueb", "doi:10.5555/tay-1"),
        (4, "TK-003", "vnu/hus", "sub:vnu.1"),
        (5, "TK-004", "vnu/hus", "sub:vnu.1"),
        (11, "TK-010", "vnu/hus", "doi:10.5555/tay-1"),
    ]
    for row, record_id, unit_id, work_key in rows:
        answer = pb.ImportSubmissionsResponse(row=row, outcome=pb.OUTCOME_CREATED)
        answer.work_key = work_key
        report.take(answer, record_id, unit_id)
    (same,) = report.document()["same_work"]
    assert (same["row"], same["earlier_row"]) == (11, 2)
    assert (same["record_id"], same["earlier_record_id"]) == ("TK-010", "TK-001")
    screen = Screen(lang=Lang.en)
    screen.show(show(screen, report))
    assert "2 (TK-001)" in capsys.readouterr().out
