import string
from datetime import UTC, datetime

import pytest

from kieng.submissions.v1 import facts_pb2
from services.notifications import texts
from services.notifications.domain import Facts, Kind, Notification
from services.notifications.texts import OTHER_TYPE, SUBJECT_CHARACTERS_MAX, TEXTS, number
from services.texts import Lang
from tests.unit.docs.command_lines import mistakes_of
from tests.unit.docs.pages import calls

SUBMISSION: Facts = {
    "submission_id": "s1",
    "work_key": "doi:10.1000/x",
    "unit_id": "alpha/sci",
    "type": "publication",
    "title": "Một công trình",
}
TARGET: Facts = {
    "unit_id": "alpha",
    "indicator_code": "PUB-01",
    "year": 2025,
    "target": 1200,
    "value": 1250,
}
PROPOSAL: Facts = {
    "proposal_id": "catalogue-3fa9c1d2e0b4-1",
    "state": "open",
    "proposed_by": "alpha",
    "waits_for": "beta, gamma",
    "emergency": "it burns",
    "emergency_by": "alpha",
}
CONTRADICTED: Facts = {
    "key": "doi:10.1000/x",
    "leading_unit": "alpha/sci",
    "leading_submission": "alpha.1",
    "other_unit": "beta",
    "other_submission": "beta.1",
    "own_submission": "alpha.1",
    "differences": "quartile: q2 ≠ q1",
}
FACTS: dict[Kind, Facts] = {
    Kind.WORK_CONTRADICTED: CONTRADICTED,
    Kind.EMAIL_CONFIRMATION: {"code": "K7WQ2-9XHTM", "hours": 24},
    Kind.TARGET_REACHED: TARGET,
    Kind.PROPOSAL: PROPOSAL,
    Kind.EMERGENCY: PROPOSAL,
}
AT = datetime(2025, 7, 1, tzinfo=UTC)


def render(kind: Kind, facts: Facts, language: Lang) -> tuple[str, str]:
    return texts.render(Notification("n1", kind, "about", "alpha/an", facts, "1", AT), language)


@pytest.mark.parametrize(
    ("kind", "language", "subject"),
    [
        (Kind.SUBMISSION_RETURNED, Lang.vi, "Hồ sơ được trả lại: Công bố khoa học"),
        (Kind.SUBMISSION_RETURNED, Lang.en, "Returned: Publication"),
        (Kind.SUBMISSION_VERIFIED, Lang.vi, "Hồ sơ đã được xác minh: Công bố khoa học"),
        (Kind.SUBMISSION_VERIFIED, Lang.en, "Verified: Publication"),
        (Kind.SUBMISSION_REJECTED, Lang.vi, "Hồ sơ bị từ chối: Công bố khoa học"),
        (Kind.SUBMISSION_REJECTED, Lang.en, "Rejected: Publication"),
    ],
)
def test_a_decision_is_told_with_title_unit_and_what_to_type(
    kind: Kind, language: Lang, subject: str
) -> None:
    told, body = render(kind, SUBMISSION, language)
    assert told == f"{subject} “Một công trình”"
    assert "alpha/sci" in body
    assert "kieng submission show s1 --institution alpha" in body


@pytest.mark.parametrize(
    ("language", "subject", "values"),
    [
        (Lang.vi, "Đạt chỉ tiêu PUB-01 năm 2025: alpha", ("1.200", "1.250")),
        (Lang.en, "Target PUB-01 of 2025 reached: alpha", ("1,200", "1,250")),
    ],
)
def test_a_reached_target_is_told_with_both_values(
    language: Lang, subject: str, values: tuple[str, str]
) -> None:
    told, body = render(Kind.TARGET_REACHED, TARGET, language)
    assert told == subject
    assert all(value in body for value in values)


@pytest.mark.parametrize("language", Lang)
@pytest.mark.parametrize("kind", Kind)
def test_the_command_line_of_a_text_can_be_pasted(kind: Kind, language: Lang) -> None:
    _, body = render(kind, FACTS.get(kind, SUBMISSION), language)
    lines = [line[line.index("kieng") :] for line in body.splitlines() if "kieng " in line]
    (call,) = calls(lines[0])
    assert len(lines) == 1
    assert mistakes_of(call, complete=True) == []


@pytest.mark.parametrize(
    ("work_key", "name"), [("doi:10.1000/x", "doi:10.1000/x"), ("sub:s1", "s1")]
)
def test_a_work_without_a_title_is_named_by_its_key(work_key: str, name: str) -> None:
    facts = {**SUBMISSION, "title": "", "type": "", "work_key": work_key}
    assert render(Kind.SUBMISSION_REJECTED, facts, Lang.en)[0] == f"Rejected: Submission “{name}”"


@pytest.mark.parametrize("language", Lang)
def test_every_type_of_submission_and_every_kind_has_its_texts(language: Lang) -> None:
    found = TEXTS[language]
    assert {f.name for f in facts_pb2.Facts.DESCRIPTOR.fields} == set(found["type"]) - {OTHER_TYPE}
    assert set(found["subject"]) == set(found["body"]) == set(Kind)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        (Lang.vi, "KHẨN CẤP, catalogue-3fa9c1d2e0b4-1: đang chờ"),
        (Lang.en, "EMERGENCY, catalogue-3fa9c1d2e0b4-1: open"),
    ],
)
def test_an_emergency_is_told_with_its_reason_and_who_has_to_vote(
    language: Lang, subject: str
) -> None:
    told, body = render(Kind.EMERGENCY, PROPOSAL, language)
    assert told == subject
    assert all(part in body for part in ("it burns", "alpha", "beta, gamma"))


@pytest.mark.parametrize("section", ["type", "subject", "body", "proposal_state"])
def test_both_languages_have_the_same_keys_and_values(section: str) -> None:
    vietnamese, english = (TEXTS[language][section] for language in (Lang.vi, Lang.en))
    assert set(vietnamese) == set(english)
    for key, sentence in vietnamese.items():
        names = [
            {name for _, name, _, _ in string.Formatter().parse(each)}
            for each in (sentence, english[key])
        ]
        assert names[0] == names[1], key


def test_braces_and_line_ends_of_a_title_stay_text_on_one_line() -> None:
    facts = {**SUBMISSION, "title": "{0}\r\nBcc: {unit}"}
    subject, _ = render(Kind.SUBMISSION_VERIFIED, facts, Lang.en)
    assert subject == "Verified: Publication “{0} Bcc: {unit}”"


def test_what_cannot_be_seen_in_an_old_title_is_left_out() -> None:
    facts = {**SUBMISSION, "title": "A\x1b[2J \u202etitle\u200b"}
    subject, _ = render(Kind.SUBMISSION_VERIFIED, facts, Lang.en)
    assert subject == "Verified: Publication “A [2J title”"


def test_a_long_title_ends_in_an_ellipsis() -> None:
    subject, _ = render(Kind.SUBMISSION_VERIFIED, {**SUBMISSION, "title": "x" * 500}, Lang.en)
    assert len(subject) == SUBJECT_CHARACTERS_MAX
    assert subject.endswith("…")


def test_thousands_are_separated_as_the_language_does() -> None:
    assert number(1234567, Lang.vi) == "1.234.567"
    assert number(1234567, Lang.en) == "1,234,567"


@pytest.mark.parametrize(
    ("differences", "told"),
    [
        ("quartile: q2 ≠ q1", "Phân hạng: Q2 ≠ Q1"),
        ("type: event ≠ publication", "Loại hồ sơ: hội nghị, hội thảo ≠ công bố khoa học"),
        (
            "part: lead ≠ member; number: A; B ≠ -",
            "Phần tham gia: chủ trì ≠ thành viên; Số hiệu: A; B ≠ -",
        ),
    ],
)
def test_what_claims_disagree_on_is_told_in_words(differences: str, told: str) -> None:
    _, body = render(Kind.WORK_CONTRADICTED, {**CONTRADICTED, "differences": differences}, Lang.vi)
    assert f": {told}\n" in body
