"""What a caller sees who sends something wrong: an exit code and a text, a status and a field."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from kieng.submissions.v1 import facts_pb2
from tests.e2e.calls import Caller, article, creation, refusal
from tests.e2e.running import RunningStack

SUBMIT = ("submit", "--type", "publication", "--fact", "title=Synthetic")
DAY = ("--fact", "issued_on=2021-01-01")


def proof(stack: RunningStack) -> tuple[str, str]:
    return "--evidence", str(stack.answer)


def test_a_wrong_doi_is_refused_and_named(stack: RunningStack) -> None:
    fact = ("--fact", "doi=10.banana")
    answer = stack.run(*SUBMIT, *DAY, *fact, "--unit", "vnu/hus", *proof(stack))
    assert answer.code == 1
    assert "[INVALID_FIELD]" in answer.err
    assert "doi:" in answer.err


def test_an_unknown_unit_is_refused_and_named(stack: RunningStack) -> None:
    answer = stack.run(*SUBMIT, *DAY, "--unit", "vnu/nowhere", *proof(stack))
    assert answer.code == 1
    assert "[INVALID_FIELD]" in answer.err
    assert "vnu/nowhere" in answer.err


@pytest.mark.parametrize(
    "command",
    [
        ("kpi", "show", "--from", "2025-01", "--to", "2025-07"),
        ("kpi", "explain", "--indicator", "KNW-03", "--from", "2025-01", "--to", "2025-07"),
        ("report", "--to", "2025-07"),
        (*SUBMIT, *DAY, "--institution", "vnu"),
        ("submission", "list"),
    ],
    ids=["kpi show", "kpi explain", "report", "submit", "submission list"],
)
def test_a_unit_that_is_named_by_its_initials_is_guessed_by_every_command(
    stack: RunningStack, command: tuple[str, ...]
) -> None:
    given = (*command, "--unit", "Trường ĐHKHTN")
    answer = stack.run(*given, *(proof(stack) if "submit" in command else ()))
    assert answer.code == 1
    assert "did you mean 'vnu/hus' or 'vnu-hcm/hcmus'?" in answer.err


def test_a_unit_that_ended_claims_its_past_and_nothing_later(stack: RunningStack) -> None:
    author = Caller(stack, "hust", "contributor")
    past = author.create(creation("hust/iem", article("10.5555/e2e.past", "2019-01-01")))
    assert past.content.unit_id == "hust/iem"
    with pytest.raises(grpc.RpcError) as caught:
        author.create(creation("hust/iem", article("10.5555/e2e.later", "2024-08-02")))
    refused = refusal(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNIT_ENDED")
    assert refused.fields == ("content.unit_id", "content.facts.publication.issued_on")
    assert "hust/iem ended on 2024-08-01; claim what came later for hust/sem" in refused.text


def test_an_impossible_day_is_refused_before_it_is_sent(stack: RunningStack) -> None:
    answer = stack.run(*SUBMIT, "--fact", "issued_on=2021-02-30", "--unit", "vnu/hus")
    assert answer.code == 1
    assert "issued_on" in answer.err


def test_a_row_with_a_fraction_of_a_dong_is_refused_and_the_others_are_taken(
    stack: RunningStack, tmp_path: Path
) -> None:
    header = "record_id,unit_id,number,amount_vnd,received_on,evidence_sha256"
    rows = [
        f"r-{number},vnu/hus,E2E-{number},{amount},2021-04-01,{'ab' * 32}"
        for number, amount in enumerate(("1500000", "1500.5", "1.500.000", "2500000"))
    ]
    path = tmp_path / "receipt.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    asked = ("import", str(path), "--institution", "vnu", "--system", "e2e", "--output", "json")
    answer = stack.run(*asked)
    assert answer.code == 1
    assert '"created": 3' in answer.out
    assert '"refused": 1' in answer.out
    assert "fraction of a dong" in answer.out
    again = stack.run(*asked)
    assert '"unchanged": 3' in again.out


def test_a_raw_amount_with_a_fraction_names_its_field(stack: RunningStack) -> None:
    receipt = facts_pb2.Receipt(number="E2E-RAW", amount_vnd="1500.5", received_on="2021-04-01")
    with pytest.raises(grpc.RpcError) as caught:
        Caller(stack, "vnu", "contributor").create(
            creation("vnu/hus", facts_pb2.Facts(receipt=receipt))
        )
    refused = refusal(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert refused.fields == ("content.facts.receipt.amount_vnd",)


def test_another_universitys_submission_looks_as_if_it_were_absent(stack: RunningStack) -> None:
    request = creation("vnu/hus", article("10.5555/e2e.foreign", "2021-05-01"))
    made = Caller(stack, "vnu", "contributor").create(request)
    absent = "01a205b1-2e60-7203-aa87-000000000000"
    seen = []
    for submission_id in (made.submission_id, absent):
        with pytest.raises(grpc.RpcError) as reading:
            Caller(stack, "hust", "contributor").read(submission_id)
        with pytest.raises(grpc.RpcError) as deciding:
            Caller(stack, "hust", "approver").verify(submission_id, made.version)
        for caught in (reading, deciding):
            refused = refusal(caught.value)
            assert refused.code == grpc.StatusCode.NOT_FOUND
            seen.append((refused.text.replace(submission_id, "ID"), refused.reason))
    assert seen[:2] == seen[2:]


def test_another_universitys_unit_cannot_be_claimed(stack: RunningStack) -> None:
    request = creation("vnu/hus", article("10.5555/e2e.stolen", "2021-05-01"))
    with pytest.raises(grpc.RpcError) as caught:
        Caller(stack, "hust", "contributor").create(request)
    refused = refusal(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


def test_a_viewer_cannot_write(stack: RunningStack) -> None:
    request = creation("vnu/hus", article("10.5555/e2e.viewer", "2021-05-01"))
    with pytest.raises(grpc.RpcError) as caught:
        Caller(stack, "vnu", "viewer").create(request)
    refused = refusal(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


def test_a_command_with_a_viewers_token_says_what_is_missing(stack: RunningStack) -> None:
    token = stack.token("vnu", "viewer")
    answer = stack.run(*SUBMIT, *DAY, "--unit", "vnu/hus", *proof(stack), KIENG_TOKEN=token)
    assert answer.code == 1
    assert "[NOT_ALLOWED]" in answer.err


def test_a_message_of_ten_megabytes_is_refused(stack: RunningStack) -> None:
    request = creation("vnu/hus", article("10.5555/" + "x" * 10_000_000, "2021-05-01"))
    with pytest.raises(grpc.RpcError) as caught:
        Caller(stack, "vnu", "contributor").create(request)
    assert refusal(caught.value).code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_call_without_a_deadline_is_refused(stack: RunningStack) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        Caller(stack, "vnu", "contributor", seconds=None).read("01a205b1")
    refused = refusal(caught.value)
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "DEADLINE_NEEDED")


def test_a_credential_that_does_not_hold_is_refused(stack: RunningStack) -> None:
    answer = stack.run(
        "submission", "list", "--institution", "vnu", KIENG_TOKEN="e30.e30.c2lnbmF0dXJl"
    )
    assert answer.code == 1
    assert "[BAD_CREDENTIAL]" in answer.err
