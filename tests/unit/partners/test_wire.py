from datetime import UTC, datetime

import pytest

from kieng.directory.v1 import directory_pb2
from kieng.partners.v1 import partner_pb2
from services.kernel.errors import InvalidArgument
from services.partners import wire
from services.partners.domain.directory import Directory
from services.partners.search_text import fold
from services.partners.wire import is_tax_code

UNIT = directory_pb2.Unit(
    unit_id="alpha/sci",
    parent_id="alpha",
    kind=directory_pb2.UNIT_KIND_SCHOOL,
    name=directory_pb2.LocalizedText(vi="Trường Khoa học", en="School of Science"),
    abbreviation="SCI",
    aliases=["Science"],
    valid_from="1993-12-10",
    valid_to="2030-12-31",
    successor_ids=("beta",),
)
PARTNER = partner_pb2.Partner(
    name="Công ty Mẫu",
    tax_code="0100233488-001",
    aliases=["Sample JSC"],
    house=partner_pb2.HOUSE_ENTERPRISE,
    country="SG",
    synthetic=True,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [("  Đại  học, HÀ NỘI!", "dai hoc ha noi"), ("vnu/hus", "vnu hus"), ("Straße", "strasse")],
)
def test_folding_leaves_the_words_in_plain_lower_case(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize("kind", [k for k in directory_pb2.UnitKind.values() if k])
def test_a_unit_of_every_kind_survives_the_round_trip(
    kind: directory_pb2.UnitKind.ValueType,
) -> None:
    message = directory_pb2.Unit()
    message.CopyFrom(UNIT)
    message.kind = kind
    (unit,) = wire.decode_units([message])
    assert wire.encode_unit(unit) == message


def test_the_published_event_carries_the_whole_tree() -> None:
    units = tuple(wire.decode_units([UNIT]))
    at = datetime(2025, 4, 3, 8, tzinfo=UTC)
    event = wire.encode_published(Directory(3, units, at))
    assert event.directory == directory_pb2.Directory(version=3, units=[UNIT])
    assert event.published_at.ToDatetime(UTC) == at


@pytest.mark.parametrize("house", [h for h in partner_pb2.House.values() if h])
def test_a_partner_of_every_house_survives_the_round_trip(
    house: partner_pb2.House.ValueType,
) -> None:
    message = partner_pb2.Partner()
    message.CopyFrom(PARTNER)
    message.house = house
    assert wire.encode_partner(wire.decode_partner(message)) == message


def test_a_given_id_is_ignored_and_the_country_is_vietnam_by_default() -> None:
    message = partner_pb2.Partner(partner_id="partner:9", name="A", house=partner_pb2.HOUSE_STATE)
    partner = wire.decode_partner(message)
    assert (partner.partner_id, partner.country) == ("", "VN")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tax_code": "0100233489"}, "partner.tax_code"),
        ({"tax_code": "0100233488-000"}, "partner.tax_code"),
        ({"name": "!!"}, "partner.name"),
        ({"aliases": ["fine", "--"]}, "partner.aliases[1]"),
    ],
)
def test_a_wrong_tax_code_or_empty_name_is_refused_at_its_field(
    fields: dict[str, object], path: str
) -> None:
    message = partner_pb2.Partner(**{"name": "A", "house": 1, **fields})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument) as refusal:
        wire.decode_partner(message)
    assert set(refusal.value.fields) == {path}


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("0100233488", True),
        ("0100233488-001", True),
        # Invented: the number of nobody, of province 001.
        ("001000000000", True),
        ("097000000000", False),
        ("101000000000", False),
        ("0100233489", False),
    ],
)
def test_a_tax_code_is_of_an_organisation_or_of_a_person(code: str, is_right: bool) -> None:
    assert is_tax_code(code) == is_right


def test_the_event_of_a_partner_carries_its_state_and_version() -> None:
    at = datetime(2025, 4, 3, 8, tzinfo=UTC)
    partner = wire.decode_partner(PARTNER).registered(5)
    event = wire.encode_changed(partner, at)
    assert (event.partner.partner_id, event.version) == ("partner:00005", 1)
    assert event.changed_at.ToDatetime(UTC) == at
