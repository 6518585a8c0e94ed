from datetime import date

import pytest

from kieng.submissions.v1 import facts_pb2, submission_pb2, submission_service_pb2
from services.kernel.access import Principal
from services.kernel.errors import Forbidden, InvalidArgument
from services.submissions import wire
from services.submissions.directory_cache import KnownUnits
from services.submissions.domain.unit import Unit
from services.submissions.identifiers import happened_on
from services.submissions.validation import Intake

TODAY = date(2026, 1, 1)
UNITS = {
    "beta/far": Unit(),
    "alpha/new": Unit(),
    "alpha/old": Unit("2024-06-02", ("alpha/new",)),
    "alpha/split": Unit("2024-06-02", ("alpha/new", "alpha/other")),
    "alpha/closed": Unit("2024-06-02"),
    "alpha/young": Unit(first_day="2024-06-03", predecessor_ids=("alpha/old",)),
    "alpha/founded": Unit(first_day="2024-06-03"),
}
KNOWN = KnownUnits(UNITS.get, lambda: UNITS)
CREATE = submission_service_pb2.DESCRIPTOR.services_by_name["SubmissionService"].methods_by_name[
    "CreateSubmission"
]
PRINCIPAL = Principal("author", "alpha", "alpha", frozenset({"contributor"}))


def take(unit_id: str, issued_on: str) -> str:
    facts = facts_pb2.Facts()
    facts.publication.title, facts.publication.issued_on = "t", issued_on
    message = submission_pb2.Content(unit_id=unit_id, facts=facts)
    return Intake(PRINCIPAL, CREATE, KNOWN, str).content(message, "s", TODAY).unit_id


@pytest.mark.parametrize(
    ("source", "role"),
    [(submission_pb2.SOURCE_REGISTRY, "registry"), (submission_pb2.SOURCE_SYSTEM, "system")],
)
def test_who_vouches_is_a_right_of_the_credential(
    source: submission_pb2.Source.ValueType, role: str
) -> None:
    facts = facts_pb2.Facts()
    facts.publication.title, facts.publication.issued_on = "t", "2025-01-01"
    message = submission_pb2.Content(unit_id="alpha/new", facts=facts, source=source)
    with pytest.raises(Forbidden, match=f"content.source: needs the role {role}") as refused:
        Intake(PRINCIPAL, CREATE, KNOWN, str).content(message, "s", TODAY)
    assert refused.value.reason == "SOURCE_NOT_YOURS"
    assert list(refused.value.fields) == ["content.source"]
    assert refused.value.details == {"field": "content.source", "role": role}
    both = Principal("author", "alpha", "alpha", frozenset({"contributor", role}))
    assert Intake(both, CREATE, KNOWN, str).content(message, "s", TODAY).unit_id == "alpha/new"


@pytest.mark.parametrize(
    ("unit_id", "day"),
    [
        ("alpha/old", "2024-06-02"),
        ("alpha/old", "2019-01-01"),
        ("alpha/new", "2019-01-01"),
        ("alpha/new", "2025-12-31"),
    ],
)
def test_a_unit_that_ended_still_claims_what_happened_up_to_its_last_day(
    unit_id: str, day: str
) -> None:
    assert take(unit_id, day) == unit_id


@pytest.mark.parametrize(
    ("unit_id", "heirs"),
    [
        ("alpha/old", "alpha/new"),
        ("alpha/split", "alpha/new or alpha/other"),
        ("alpha/closed", "the unit above it"),
    ],
)
def test_what_happened_after_its_last_day_is_refused_and_its_successor_named(
    unit_id: str, heirs: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        take(unit_id, "2024-06-03")
    assert refused.value.reason == "UNIT_ENDED"
    assert refused.value.fields == {
        "content.unit_id": f"{unit_id} ended on 2024-06-02; claim what came later for {heirs}",
        "content.facts.publication.issued_on": f"lies after the last day of {unit_id}, 2024-06-02",
    }


@pytest.mark.parametrize(
    ("unit_id", "forebears"), [("alpha/young", "alpha/old"), ("alpha/founded", "the unit above it")]
)
def test_what_happened_before_its_first_day_is_refused_and_its_predecessor_named(
    unit_id: str, forebears: str
) -> None:
    assert take(unit_id, "2024-06-03") == unit_id
    with pytest.raises(InvalidArgument) as refused:
        take(unit_id, "2024-06-02")
    assert refused.value.reason == "UNIT_NOT_BEGUN"
    too_early = f"lies before the first day of {unit_id}, 2024-06-03"
    came_before = f"{unit_id} began on 2024-06-03; claim what came before for {forebears}"
    assert refused.value.fields == {
        "content.unit_id": came_before,
        "content.facts.publication.issued_on": too_early,
    }


def test_every_type_marks_the_date_on_which_it_happened() -> None:
    for field in facts_pb2.Facts.DESCRIPTOR.fields:
        facts = facts_pb2.Facts()
        getattr(facts, field.name).SetInParent()
        name, day = happened_on(facts)
        assert name.endswith("_on")
        assert day == ""


def contract(partner: str) -> submission_pb2.Content:
    message = submission_pb2.Content(unit_id="alpha/new")
    fact = message.facts.transfer_contract
    fact.number, fact.partner, fact.signed_on = "1/HD", partner, "2025-04-01"
    return message


def test_what_is_stored_repeats_itself_and_any_other_content_does_not() -> None:
    intake = Intake(PRINCIPAL, CREATE, KNOWN, lambda text: f"p-{text}")
    message = contract("One")
    stored = intake.content(message, "s", TODAY)
    assert intake.repeats(message, stored)
    assert not intake.repeats(contract("Two"), stored)
    other_unit = submission_pb2.Content(unit_id="alpha/old", facts=message.facts)
    assert not intake.repeats(other_unit, stored)
    publication = submission_pb2.Content(unit_id="alpha/new")
    publication.facts.publication.title = "t"
    assert not intake.repeats(publication, stored)
    assert not intake.repeats(submission_pb2.Content(unit_id="alpha/new"), stored)


def test_a_name_that_means_another_partner_now_repeats_nothing() -> None:
    stored = Intake(PRINCIPAL, CREATE, KNOWN, lambda _: "p-1").content(contract("One"), "s", TODAY)
    assert not Intake(PRINCIPAL, CREATE, KNOWN, lambda _: "p-2").repeats(contract("One"), stored)


def test_an_identifier_that_was_stored_before_it_was_folded_repeats_nothing() -> None:
    intake = Intake(PRINCIPAL, CREATE, KNOWN, str)
    message = submission_pb2.Content(unit_id="alpha/new")
    message.facts.scholar.person_id = "0000000218250097"
    unfolded = wire.decode_content(message, "s")
    assert not intake.repeats(message, unfolded)


def test_a_repeated_source_still_needs_its_role() -> None:
    registry = Principal("r", "alpha", "alpha", frozenset({"contributor", "registry"}))
    message = contract("One")
    message.source = submission_pb2.SOURCE_REGISTRY
    stored = Intake(registry, CREATE, KNOWN, str).content(message, "s", TODAY)
    assert Intake(registry, CREATE, KNOWN, str).repeats(message, stored)
    with pytest.raises(Forbidden, match="needs the role registry"):
        Intake(PRINCIPAL, CREATE, KNOWN, str).repeats(message, stored)


@pytest.mark.parametrize(
    ("unit_id", "said"),
    [
        ("NEW", "there is no unit 'NEW'; did you mean 'alpha/new'?"),
        ("alpha/splitt", "there is no unit 'alpha/splitt'; did you mean 'alpha/split'?"),
        ("zzz", "there is no unit 'zzz'; `kieng unit search` finds it"),
    ],
)
def test_an_unknown_unit_is_refused_with_the_one_that_may_be_meant(unit_id: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        take(unit_id, "2025-01-01")
    assert refused.value.fields == {"content.unit_id": said}


def test_a_unit_beyond_the_credential_is_named_with_what_to_write_instead() -> None:
    with pytest.raises(Forbidden) as refused:
        take("beta/far", "2025-01-01")
    said = "your credential does not reach beta/far; name alpha or a unit below"
    assert refused.value.fields == {"content.unit_id": said}
