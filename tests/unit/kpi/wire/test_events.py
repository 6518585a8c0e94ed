import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from kieng.submissions.v1 import events_pb2, facts_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.domain.work import UNVERIFIED, Claim
from services.kpi.wire.events import (
    decode_changed,
    decode_republished,
    decode_statement,
    decode_stored,
)
from services.kpi.wire.vocabulary import enum_words, happened
from tests.unit.kpi.builders import TREE, article, changed, real_catalogue, wire_claim

KINDS = facts_pb2.Facts.DESCRIPTOR.fields_by_name
CATALOGUE = real_catalogue()
SOURCE = "kieng/submissions/alpha"


def claim_of(declared: events_pb2.Claim) -> Claim:
    claim = decode_statement(changed(declared=declared), CATALOGUE, b"").declared
    assert claim is not None
    return claim


def sample(field: FieldDescriptor) -> object:
    """A set value of a field, as its name and type want it."""
    if field.enum_type is not None:
        value: object = field.enum_type.values[1].number
    elif field.type == FieldDescriptor.TYPE_STRING:
        value = {"n": "2025-03-10", "d": "1200"}.get(field.name[-1], "text")
        if not field.name.endswith(("_on", "_vnd")):
            value = "text"
    else:
        value = 1
    return [value] if field.is_repeated else value


def message_of(kind: str) -> Descriptor:
    message = KINDS[kind].message_type
    assert message is not None
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_facts_gives_the_facts_that_the_catalogue_looks_at(kind: str) -> None:
    fields = message_of(kind).fields
    claim = claim_of(wire_claim("alpha/sci", kind, **{f.name: sample(f) for f in fields}))
    wanted = CATALOGUE.fields_of.get(kind, frozenset())
    assert claim.type == kind
    assert set(claim.facts) == ({f.name for f in fields} & wanted) | {"happened_on"}
    assert claim.facts["happened_on"] == "2025-03-10"
    unset = claim_of(wire_claim("alpha/sci", kind))
    assert unset.facts == {}


def test_facts_are_plain_words_numbers_and_dates() -> None:
    facts = claim_of(article(indexes=[2, 1], quartile=2, unit_authors=3, institutions=["x"])).facts
    assert facts == {
        "indexes": ("scopus", "wos"),
        "quartile": "q2",
        "unit_authors": 3,
        "institutions": ("x",),
        "issued_on": "2025-03-10",
        "happened_on": "2025-03-10",
    }
    receipt = wire_claim("alpha", "receipt", amount_vnd="999999999999999", contract_ref="c/1")
    assert claim_of(receipt).facts == {"amount_vnd": 999_999_999_999_999, "contract_ref": "c/1"}


def test_a_claim_keeps_its_unit_share_part_and_source() -> None:
    claim = claim_of(article("beta/one", part=1, share_ppm=250_000, vouched=1))
    assert TREE.ids[claim.unit] == "beta/one"
    assert (claim.is_lead, claim.share_ppm, claim.rank) == (True, 250_000, 1)
    plain = claim_of(article(part=0, vouched=0))
    assert (plain.is_lead, plain.rank) == (False, 3)


def test_equal_claims_are_one_object_and_amended_ones_are_two() -> None:
    same = decode_statement(changed(declared=article(), verified=article()), CATALOGUE, b"e")
    assert same.declared is same.verified
    assert same.source == b"e"
    amended = decode_statement(
        changed(declared=article("beta"), verified=article(), version=9), CATALOGUE, b""
    )
    assert amended.version == 9
    assert amended.declared is not None
    assert amended.verified is not None
    assert amended.declared.unit != amended.verified.unit
    assert decode_statement(changed(), CATALOGUE, b"").declared is None


WRONG = {
    "a unit that the tree does not have": (article("alpha/absent"), "alpha/absent"),
    "no facts": (events_pb2.Claim(unit_id="alpha"), "no facts"),
    "a date that is none": (article(issued_on="soon"), "issued_on is not a date"),
    "a month that is none": (article(issued_on="2025-13-01"), "issued_on is not a date"),
    "a part of a later release": (article(part=3), "part has no value 3"),
    "a source of a later release": (article(vouched=-1), "source has no value -1"),
    "more than the whole": (article(share_ppm=1_000_001), "share_ppm is not a number from 0 to"),
    "fewer authors than none": (article(unit_authors=-1), "unit_authors is not a number from 0"),
    "no index of a list": (article(indexes=[1, 0]), "indexes has no value 0"),
    "an amount with a fraction": (wire_claim("alpha", "receipt", amount_vnd="1.5"), "amount_vnd"),
    "a negative amount": (wire_claim("alpha", "receipt", amount_vnd="-5"), "amount"),
    "an amount with a separator": (wire_claim("alpha", "receipt", amount_vnd="1_000"), "amount"),
    "an amount over 15 digits": (wire_claim("alpha", "receipt", amount_vnd="1" * 16), "amount"),
    "a word of a later release": (article(quartile=77), "quartile has no value 77"),
    "a word of a later release in a list": (article(indexes=[1, 9]), "indexes has no value 9"),
}


@pytest.mark.parametrize(("claim", "reason"), WRONG.values(), ids=WRONG)
def test_a_claim_that_cannot_be_read_is_an_invalid_record(
    claim: events_pb2.Claim, reason: str
) -> None:
    for event in (changed(declared=claim), changed(declared=article(), verified=claim)):
        with pytest.raises(InvalidRecord, match=reason):
            decode_statement(event, CATALOGUE, b"")


def test_an_index_that_is_not_named_does_not_make_an_article_indexed() -> None:
    assert "indexes" not in claim_of(article(indexes=[])).facts


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\xff",
        b"",
        changed(submission="").SerializeToString(),
        changed(work_key="").SerializeToString(),
        changed(version=0).SerializeToString(),
    ],
)
def test_what_is_no_change_is_an_invalid_record(value: bytes) -> None:
    with pytest.raises(InvalidRecord):
        decode_changed(value)


def test_a_change_is_read_as_it_was_written() -> None:
    event = changed(declared=article())
    assert decode_changed(event.SerializeToString()) == event


def verified_ms(event: events_pb2.SubmissionChanged) -> int:
    statement = decode_statement(event, CATALOGUE, b"")
    assert statement.verified is not None
    return statement.verified.verified_ms


def test_the_time_of_the_first_verification_is_the_events_else_that_of_its_version() -> None:
    event = changed(declared=article(), verified=article())
    assert verified_ms(event) == UNVERIFIED, "who says no time leads nobody"
    event.changed_at.FromMilliseconds(1_700_000_000_123)
    assert verified_ms(event) == 1_700_000_000_123
    event.verified_at.FromNanoseconds(1_600_000_000_456_999_999)
    # A database keeps milliseconds: what is published again says no more.
    assert verified_ms(event) == 1_600_000_000_456
    event.ClearField("verified")
    declared = decode_statement(event, CATALOGUE, b"").declared
    assert declared is not None
    assert declared.verified_ms == UNVERIFIED


@pytest.mark.parametrize("value", [b"\xff\xff", b""])
def test_what_is_no_republication_is_an_invalid_record(value: bytes) -> None:
    with pytest.raises(InvalidRecord):
        decode_republished(value, 0, SOURCE)
    mark = events_pb2.LogRepublished(institution_id="alpha", generation=2)
    mark.generation = 2
    assert decode_republished(mark.SerializeToString(), 2, SOURCE) == {"alpha"}
    # What an older generation of the same topic says does not make a new one whole.
    assert decode_republished(mark.SerializeToString(), 3, SOURCE) == frozenset()


def test_enum_words_lose_their_prefix() -> None:
    words = enum_words(facts_pb2.IpRight.DESCRIPTOR.fields_by_name["kind"])
    assert words[2] == "utility_solution"
    assert words[0] == "unspecified"


def test_a_day_of_reporting_is_the_one_told_else_that_of_the_change_in_vietnam() -> None:
    event = changed(declared=article())
    assert "reported_on" not in facts_of(event)
    event.changed_at.FromJsonString("2025-03-31T17:00:00Z")
    assert facts_of(event)["reported_on"] == "2025-04-01"
    event.reported_on = "2025-03-12"
    assert facts_of(event)["reported_on"] == "2025-03-12"
    event.reported_on = "soon"
    with pytest.raises(InvalidRecord, match="reported_on is not a date"):
        facts_of(event)


@pytest.mark.parametrize("name", ["changed_at", "verified_at"])
def test_a_time_of_no_year_of_the_calendar_is_an_invalid_record(name: str) -> None:
    event = changed(declared=article())
    getattr(event, name).seconds = 1 << 62
    with pytest.raises(InvalidRecord, match=f"{name} is no time"):
        decode_statement(event, CATALOGUE, b"")


def test_what_the_catalogue_does_not_read_may_have_any_form() -> None:
    article_of_an_odd_year = article(quartile_year=-5)
    assert "quartile_year" not in CATALOGUE.fields_of["publication"]
    assert claim_of(article_of_an_odd_year).facts["issued_on"] == "2025-03-10"


def test_stored_events_that_this_release_parks_are_left_out() -> None:
    """They are in views of former fold versions, which answer until a successor is built."""
    good, odd = changed("s1", declared=article()), changed("s2", declared=article())
    odd.declared.facts.publication.issued_on = "2_25-03-01"
    stored = [each.SerializeToString() for each in (odd, good)]
    ((event, statement),) = decode_stored(stored, CATALOGUE)
    assert event == good
    assert statement.source == stored[1]


def test_the_same_proof_twice_is_one() -> None:
    claim = article()
    assert "evidence" not in facts_of(changed(declared=claim))
    claim.evidence_sha256.extend(["a", "b", "a"])
    assert facts_of(changed(declared=claim))["evidence"] == 2


def facts_of(event: events_pb2.SubmissionChanged) -> dict[str, object]:
    claim = decode_statement(event, CATALOGUE, b"").declared
    assert claim is not None
    return dict(claim.facts)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_marks_the_date_it_happened_on_and_needs_it(kind: str) -> None:
    field = message_of(kind).fields_by_name[happened(kind)]
    (rules,) = [value for _, value in field.GetOptions().ListFields() if hasattr(value, "string")]
    assert rules.string.pattern == "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
