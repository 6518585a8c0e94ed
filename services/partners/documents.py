"""The MongoDB documents of directory versions and partners: fields, indexes and encoding."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    StringField,
)

from services.partners.domain.directory import Directory, Kind, Unit
from services.partners.domain.partner import House, Partner
from services.partners.domain.terms import Terms
from services.partners.search_text import fold


class DirectoryDocument(Document):
    """One published version of the unit tree and of the terms of proposals.

    ``terms`` is missing in versions that are older than terms, which means the defaults.
    ``unsent`` is true until the event of the version is published; no other field ever changes.
    """

    version = IntField(required=True)
    units = ListField(DictField(), required=True)
    terms = DictField()
    published_at = DateTimeField(required=True)
    event_id = StringField(required=True)
    traceparent = StringField()
    unsent = BooleanField(required=True)

    meta = {
        "collection": "directories",
        "auto_create_index": False,
        "indexes": [{"fields": ["-version"], "unique": True}, "unsent"],
    }


class PartnerDocument(Document):
    """One partner in its newest version; ``unsent`` is true until the event of it is published.

    ``search_text`` contains the normalised words of all its names, each after a space. ``tax_key``
    is the tax code, or the partner id if the tax code is unknown. So a plain unique index is
    enough; some databases compatible with MongoDB lack partial indexes.
    """

    partner_id = StringField(primary_key=True)
    version = IntField(required=True)
    name = StringField(required=True)
    house = StringField(required=True)
    keys = ListField(StringField(), required=True)
    tax_key = StringField(required=True)
    aliases = ListField(StringField())
    country = StringField(required=True)
    synthetic = BooleanField(required=True)
    search_text = StringField(required=True)
    changed_at = DateTimeField(required=True)
    event_id = StringField(required=True)
    traceparent = StringField()
    unsent = BooleanField(required=True)

    meta = {
        "collection": "partners",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["keys"], "unique": True},
            {"fields": ["tax_key"], "unique": True},
            "unsent",
        ],
    }


@dataclass(frozen=True, slots=True)
class Change:
    """Metadata of a write: its time, the id of the event it causes, and its trace context."""

    changed_at: datetime
    event_id: str
    traceparent: str = ""


def encode_directory(directory: Directory, change: Change) -> dict[str, Any]:
    """Return the document of a new directory version, with its event marked as unpublished."""
    return {
        "version": directory.version,
        "units": [asdict(unit) for unit in directory.units],
        "terms": asdict(directory.terms),
        "published_at": directory.published_at,
        **_outbox(change),
    }


def decode_directory(document: dict[str, Any]) -> Directory:
    """Return the directory version in a stored document; without its event's metadata."""
    units = tuple(
        Unit(
            **{
                **unit,
                "kind": Kind(unit["kind"]),
                "aliases": tuple(unit["aliases"]),
                "successor_ids": tuple(unit.get("successor_ids", ())),
            }
        )
        for unit in document["units"]
    )
    terms = Terms(**document.get("terms", {}))
    return Directory(document["version"], units, document["published_at"], terms)


def encode_partner(partner: Partner, change: Change) -> dict[str, Any]:
    """Return the document of a partner's version, with its event marked as unpublished."""
    names = " ".join(fold(name) for name in (partner.name, *partner.aliases))
    return {
        "_id": partner.partner_id,
        "version": partner.version,
        "name": partner.name,
        "house": str(partner.house),
        "keys": sorted(partner.keys),
        "tax_key": partner.tax_code or partner.partner_id,
        "aliases": list(partner.aliases),
        "country": partner.country,
        "synthetic": partner.synthetic,
        "search_text": f" {names}",
        "changed_at": change.changed_at,
        **_outbox(change),
    }


def decode_partner(document: dict[str, Any]) -> Partner:
    """Return the partner in a stored document; without its event's metadata."""
    return Partner(
        partner_id=document["_id"],
        version=document["version"],
        name=document["name"],
        house=House(document["house"]),
        keys=frozenset(document["keys"]),
        tax_code="" if document["tax_key"] == document["_id"] else document["tax_key"],
        aliases=tuple(document["aliases"]),
        country=document["country"],
        synthetic=document["synthetic"],
    )


def decode_change(document: dict[str, Any]) -> Change:
    """Return time, event id and trace context of the last write of a document.

    Args:
        document: a directory version or a partner, as stored.
    """
    changed_at = document.get("changed_at") or document["published_at"]
    return Change(changed_at, document["event_id"], document["traceparent"])


def _outbox(change: Change) -> dict[str, Any]:
    return {"event_id": change.event_id, "traceparent": change.traceparent, "unsent": True}
