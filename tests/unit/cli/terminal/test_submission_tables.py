"""A reviewer sees every fact and every proof, and what is verified beside what is claimed."""

from __future__ import annotations

import pytest

from kieng.submissions.v1 import facts_pb2, submission_pb2
from services.cli.terminal.screen import Screen
from services.cli.terminal.submission_tables import content_pairs, many, one
from services.texts import Lang
from tests.unit.submissions.builders import expert, publication, transfer


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def printed(capsys: pytest.CaptureFixture[str], submission: submission_pb2.Submission) -> str:
    screen = Screen(lang=Lang.en)
    screen.answers.print(one(screen, submission))
    return capsys.readouterr().out


def test_all_facts_and_proofs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    content = publication(quartile=1, indexes=[1, 2], institutions=["alpha", "beta"], proofs=2)
    content.evidence[1].uri = "urn:archive:7"
    source = submission_pb2.SourceRecord(system="cris", record_id="7")
    submission = submission_pb2.Submission(
        submission_id="s1", version=3, content=content, source_record=source
    )
    submission.submitted_by = "author-7"
    submission.state = submission_pb2.STATE_UNIT_APPROVED
    shown = printed(capsys, submission)
    for text in (
        "A title",
        "10.1000/xyz",
        "Q1",
        "Web of Science; Scopus",
        "alpha; beta",
        "2025-03-01",
    ):
        assert text in shown
    for text in ("article", "urn:archive:7", f"{1:064x}", "cris 7", "author-7", "Evidence 2"):
        assert text in shown
    assert "Verified" not in shown


def test_a_reason_is_that_of_an_earlier_version_until_the_present_one_is_decided(
    capsys: pytest.CaptureFixture[str],
) -> None:
    submission = submission_pb2.Submission(content=publication(), reason="No proof")
    submission.state = submission_pb2.STATE_RETURNED
    assert "earlier" not in printed(capsys, submission)
    submission.state = submission_pb2.STATE_SUBMITTED
    assert "Reason why an earlier version was returned" in printed(capsys, submission)


def test_what_is_verified_is_shown_beside_what_is_claimed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    claimed, verified = transfer(value_vnd="9000000"), transfer()
    submission = submission_pb2.Submission(content=claimed, verified_content=verified)
    (line,) = [each for each in printed(capsys, submission).splitlines() if "Value (" in each]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "Value (VND)",
        "9,000,000",
        "1,000,000",
    ]
    submission.verified_content.CopyFrom(claimed)
    assert "1,000,000" not in printed(capsys, submission)


@pytest.mark.parametrize("kind", [field.name for field in facts_pb2.Facts.DESCRIPTOR.fields])
def test_every_fact_of_every_type_is_shown(kind: str) -> None:
    content = submission_pb2.Content()
    fact = getattr(content.facts, kind)
    fact.SetInParent()
    names = {field.name for field in fact.DESCRIPTOR.fields}
    for field in fact.DESCRIPTOR.fields:
        value = "7" if field.type == field.TYPE_STRING else 1
        if field.is_repeated:
            getattr(fact, field.name).append(value)
        else:
            setattr(fact, field.name, value)
    content.source, content.share_ppm = submission_pb2.SOURCE_REGISTRY, 500_000
    content.part = submission_pb2.PART_LEAD
    pairs = content_pairs(Screen(lang=Lang.en), content)
    assert {name for name, value in pairs.items() if not value} == {"unit_id"}
    assert names <= {name.removeprefix(f"{kind}.") for name in pairs}
    assert (pairs["source"], pairs["part"]) == ("registry", "lead")


def test_a_name_and_a_list_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = submission_pb2.Submission(content=expert("[red]\x1b[2J"), submission_id="s1")
    shown = printed(capsys, hostile)
    assert "[red]\\x1b[2J" in shown
    screen = Screen(lang=Lang.en)
    screen.answers.print(many(screen, [hostile]))
    assert "expert" in capsys.readouterr().out
