"""An author's week with the terminal alone: import, a return, amend, submit, withdraw, history."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.running import RunningStack

# Nobody else's works lie there.
DAY = "2016-03-0{}"
OFFICE = ("--institution", "hust")
REASON = "Minh chứng là bản nháp; đính kèm bản đã đăng."
RECORDS = ("week-1", "week-2")


def written(path: Path) -> Path:
    rows = [
        f"{record},hust,Công trình tuần {record},{DAY.format(number)},scopus,{'ef' * 32}"
        for number, record in enumerate(RECORDS, start=1)
    ]
    heading = "record_id,unit_id,title,issued_on,indexes,evidence_sha256"
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_returned_work_is_found_corrected_and_taken_back(
    stack: RunningStack, tmp_path: Path
) -> None:
    path = written(tmp_path / "publication.csv")
    imported = ("import", str(path), *OFFICE)
    assert stack.json(*imported)["created"] == 2
    one, two = (
        stack.json("submission", "list", *OFFICE, "--record", record)["submissions"][0]
        for record in RECORDS
    )
    for made in (one, two):
        # The end of a UUID is random, its beginning is a time: one character less is unique.
        short = made["submission_id"].removeprefix("hust.")[:-1]
        stack.json("review", "return", short, *OFFICE, "--reason", REASON)

    again = stack.json(*imported)
    assert (again["unchanged"], again["still_returned"]) == (0, 2)
    assert [each["reason"] for each in again["still_refused"]] == [REASON, REASON]
    assert REASON in stack.run("submission", "list", *OFFICE, "--state", "returned", "--mine").out
    told = stack.json("inbox", "list", *OFFICE)["notifications"]
    reasons = {each["about"]: each.get("reason") for each in told}
    assert reasons[f"submission:{one['submission_id']}"] == REASON

    asked = ("--fact", "title=Công trình đã sửa", "--evidence", str(path))
    amended = stack.json("submission", "amend", one["submission_id"], *asked, *OFFICE)
    assert (amended["state"], len(amended["content"]["evidence"])) == ("STATE_SUBMITTED", 2)
    assert amended["content"]["facts"]["publication"]["issued_on"] == DAY.format(1)
    submitted = stack.json("submission", "submit", two["submission_id"], *OFFICE)
    assert submitted["state"] == "STATE_SUBMITTED"
    for made in (one, two):
        gone = stack.json("submission", "withdraw", made["submission_id"], *OFFICE)
        assert gone["state"] == "STATE_WITHDRAWN"

    history = stack.json("submission", "history", one["submission_id"], *OFFICE)["history"]
    assert [(each["action"], each["subject"]) for each in history] == [
        ("ACTION_CREATE", "contributor@hust"),
        ("ACTION_RETURN", "approver@hust"),
        ("ACTION_AMEND", "contributor@hust"),
        ("ACTION_WITHDRAW", "contributor@hust"),
    ]
    assert history[1]["reason"] == REASON


def test_ids_are_whole_at_eighty_columns_and_refusals_in_the_language_of_the_caller(
    stack: RunningStack,
) -> None:
    (made,) = stack.json("submission", "list", *OFFICE, "--limit", "1")["submissions"]
    shown = stack.run("submission", "list", *OFFICE, "--limit", "1", COLUMNS="80")
    assert made["submission_id"] in shown.out
    assert "--limit 10" in shown.out
    vague = stack.run("submission", "show", "hust.0", *OFFICE)
    assert vague.code == 1
    assert made["submission_id"] in vague.err
    absent = "hust.00000000-0000-7000-8000-000000000000"
    refused = stack.run("submission", "show", absent, *OFFICE, "--lang", "vi")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "kieng: không có hồ sơ này, hoặc bạn không được xem [NOT_FOUND]\n"
