"""MongoDB documents of directories and partners: schemas, indexes, encoding and decoding."""

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
from services.partners.search_text import fold


class DirectoryDocument(Document):
    """One version of the unit tree, as it was published; never changed but for its event."""

    version = IntField(required=True)
    units = ListField(DictField(), required=True)
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
    """One partner.

    ``search_text`` holds its folded names, each after a space. ``tax_key`` is the tax code,
    or the partner's id if unknown: compatible databases do not use partial indexes.
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
    """Metadata of a write: its time, and the id and trace context of its event."""

    changed_at: datetime
    event_id: str
    traceparent: str = ""


def encode_directory(directory: Directory, change: Change) -> dict[str, Any]:
    """Return a directory version as it is stored, its event still to be published."""
    return {
        "version": directory.version,
        "units": [asdict(unit) for unit in directory.units],
        "published_at": directory.published_at,
        **_outbox(change),
    }


def decode_directory(document: dict[str, Any]) -> Directory:
    """Return the directory version that a document of the database holds."""
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
    return Directory(document["version"], units, document["published_at"])


def encode_partner(partner: Partner, change: Change) -> dict[str, Any]:
    """Return a partner as it is stored, its event still to be published."""
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
    """Return the partner that a document holds; its own id as tax key means no tax code."""
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
    """Return the metadata of the last write of a directory or partner document."""
    changed_at = document.get("changed_at") or document["published_at"]
    return Change(changed_at, document["event_id"], document["traceparent"])


def _outbox(change: Change) -> dict[str, Any]:
    return {"event_id": change.event_id, "traceparent": change.traceparent, "unsent": True}
