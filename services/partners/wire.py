"""Converts between the protobuf messages of units and partners and the objects of the domain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stdnum.vn import mst

from kieng.directory.v1 import directory_pb2, events_pb2
from kieng.partners.v1 import events_pb2 as partner_events_pb2
from kieng.partners.v1 import partner_pb2
from kieng.proposals.v1 import proposal_pb2
from services.kernel.errors import InvalidArgument
from services.partners.domain.directory import Directory, Kind, Unit
from services.partners.domain.partner import IDENTITY_NUMBER, House, Partner, comparison_key
from services.partners.domain.terms import DEFAULTS, Terms
from services.partners.search_text import fold


def decode_units(units: Iterable[directory_pb2.Unit]) -> list[Unit]:
    """Return the domain objects of unit messages, in the same order; they are not validated."""
    return [
        Unit(
            unit_id=unit.unit_id,
            parent_id=unit.parent_id,
            kind=Kind(directory_pb2.UnitKind.Name(unit.kind).removeprefix("UNIT_KIND_").lower()),
            name_vi=unit.name.vi,
            name_en=unit.name.en,
            abbreviation=unit.abbreviation,
            aliases=tuple(unit.aliases),
            valid_from=unit.valid_from,
            valid_to=unit.valid_to,
            successor_ids=tuple(unit.successor_ids),
        )
        for unit in units
    ]


def encode_unit(unit: Unit) -> directory_pb2.Unit:
    """Return a unit as a protobuf message."""
    return directory_pb2.Unit(
        unit_id=unit.unit_id,
        parent_id=unit.parent_id,
        kind=directory_pb2.UnitKind.Value(f"UNIT_KIND_{unit.kind.upper()}"),
        name=directory_pb2.LocalizedText(vi=unit.name_vi, en=unit.name_en),
        abbreviation=unit.abbreviation,
        aliases=unit.aliases,
        valid_from=unit.valid_from,
        valid_to=unit.valid_to,
        successor_ids=unit.successor_ids,
    )


def encode_directory(directory: Directory) -> directory_pb2.Directory:
    """Return a directory version as a protobuf message, with all its units.

    Its terms are unset if they are the defaults.
    """
    units = map(encode_unit, directory.units)
    message = directory_pb2.Directory(version=directory.version, units=units)
    if directory.terms != DEFAULTS:
        message.terms.CopyFrom(encode_terms(directory.terms))
    return message


def decode_terms(message: proposal_pb2.Terms) -> Terms:
    """Return the terms in a message; whether they can be met is not checked."""
    return Terms(message.quorum, message.emergency_quorum, message.proposal_days)


def encode_terms(terms: Terms) -> proposal_pb2.Terms:
    """Return terms as a protobuf message."""
    return proposal_pb2.Terms(
        quorum=terms.quorum,
        emergency_quorum=terms.emergency_quorum,
        proposal_days=terms.proposal_days,
    )


def encode_published(directory: Directory) -> events_pb2.DirectoryPublished:
    """Return the message DirectoryPublished of a version, which contains its whole tree."""
    event = events_pb2.DirectoryPublished(directory=encode_directory(directory))
    event.published_at.FromDatetime(directory.published_at)
    return event


def decode_partner(message: partner_pb2.Partner) -> Partner:
    """Return the partner to register from a message; it has neither id nor version yet.

    An id in the message is ignored. A partner without a country is in Vietnam.

    Raises:
        InvalidArgument: the caller sent a tax code with a wrong check digit, or a name without
            letters and digits.
    """
    fields = {}
    if message.tax_code and not is_tax_code(message.tax_code):
        fields["partner.tax_code"] = "the check digit is wrong"
    for path, name in [
        ("partner.name", message.name),
        *((f"partner.aliases[{place}]", alias) for place, alias in enumerate(message.aliases)),
    ]:
        if not fold(name):
            fields[path] = "has neither letter nor digit"
    if fields:
        listed = "; ".join(f"{path}: {text}" for path, text in fields.items())
        raise InvalidArgument(f"the partner is not valid: {listed}", fields=fields)
    return Partner(
        name=message.name,
        house=House(partner_pb2.House.Name(message.house).removeprefix("HOUSE_").lower()),
        keys=frozenset(key_of(name) for name in (message.name, *message.aliases)),
        tax_code=message.tax_code,
        aliases=tuple(message.aliases),
        country=message.country or "VN",
        synthetic=message.synthetic,
    )


def is_tax_code(text: str) -> bool:
    """Return True for a tax code with a valid check digit, and for a personal identity number.

    A branch's code with its suffix, e.g. `-001`, is a tax code too. An empty text is not.
    """
    return bool(IDENTITY_NUMBER.match(text)) or mst.is_valid(text)


def key_of(text: str) -> str:
    """Return the comparison key of a name: `fpt` for `Công ty CP FPT` and for `FPT`.

    It ignores case, diacritics, punctuation and legal forms. A name without letters and digits has
    an empty key.
    """
    return comparison_key(fold(text))


def encode_partner(partner: Partner) -> partner_pb2.Partner:
    """Return a partner as a protobuf message; the message has no version."""
    return partner_pb2.Partner(
        partner_id=partner.partner_id,
        name=partner.name,
        tax_code=partner.tax_code,
        aliases=partner.aliases,
        house=partner_pb2.House.Value(f"HOUSE_{partner.house.upper()}"),
        country=partner.country,
        synthetic=partner.synthetic,
    )


def encode_changed(partner: Partner, changed_at: datetime) -> partner_events_pb2.PartnerChanged:
    """Return the message PartnerChanged of a partner's version, with the whole partner."""
    event = partner_events_pb2.PartnerChanged(
        partner=encode_partner(partner), version=partner.version
    )
    event.changed_at.FromDatetime(changed_at)
    return event
