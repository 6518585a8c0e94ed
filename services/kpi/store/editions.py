"""Stores closed editions, which are written once and never changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from services.kernel.errors import AlreadyExists, NotFound
from services.kernel.mongo import Mongo
from services.kpi.store.blobs import Parts
from services.kpi.store.documents import DATABASE


@dataclass(frozen=True, slots=True)
class Edition:
    """What identifies and describes an edition, i.e. a signed snapshot of a closed period.

    Args:
        edition_id: id, chosen by the caller who closed it.
        title: title to display.
        unit_id: root of the subtree that it covers.
        from_month: first month, `YYYY-MM`.
        to_month: last month, included.
        closed_at: time of closing.
        view_id: id of the view that it froze.
        catalogue_version: catalogue that it was counted with.
        digest: digest over all cells of the view at its position.
        signature: Ed25519 signature of the content.
        key_id: id of the signing key.
        public_pem: public key, PEM.
    """

    edition_id: str
    title: str
    unit_id: str
    from_month: str
    to_month: str
    closed_at: datetime
    view_id: str
    catalogue_version: int
    digest: str
    signature: bytes
    key_id: str
    public_pem: str


FIELDS = (
    "title",
    "unit_id",
    "from_month",
    "to_month",
    "closed_at",
    "view_id",
    "catalogue_version",
    "digest",
    "signature",
    "key_id",
    "public_pem",
)


class Editions:
    """The store of all editions. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._editions = mongo.database(DATABASE)["editions"]
        self._parts = Parts(mongo)

    def check_free(self, edition_id: str) -> None:
        """Check that no edition has this id.

        Raises:
            AlreadyExists: an edition has it, and editions never change. The caller's fault.
        """
        if self._editions.find_one({"_id": edition_id}, {"_id": 1}) is not None:
            text = f"there is an edition {edition_id!r} already, and editions never change"
            raise AlreadyExists(text)

    def close(self, edition: Edition, content: bytes, works: bytes) -> None:
        """Store a closed edition; readers find it complete or not at all.

        Args:
            edition: its metadata.
            content: its signed content.
            works: its frozen works, as `wire.frozen.encode_frozen` encodes them.

        Raises:
            AlreadyExists: an edition with this id was closed meanwhile; nothing is stored.
        """
        owners = [f"edition|{edition.edition_id}|{uuid.uuid4()}|{what}" for what in "cw"]
        document: dict[str, Any] = {"_id": edition.edition_id, "owners": owners}
        document |= {name: getattr(edition, name) for name in FIELDS}
        # The document is inserted last, so that its readers also find all parts.
        both = zip(owners, (content, works), strict=True)
        document["parts"] = [self._parts.put(owner, each) for owner, each in both]
        try:
            self._editions.insert_one(document)
        except DuplicateKeyError:
            for owner in owners:
                self._parts.drop(owner)
            self.check_free(edition.edition_id)

    def all(self) -> list[Edition]:
        """Return the metadata of all editions, newest first."""
        return [_edition(d) for d in self._editions.find({}, sort=[("closed_at", DESCENDING)])]

    def get(self, edition_id: str) -> tuple[Edition, bytes]:
        """Return an edition's metadata and its signed content, the bytes as they were signed.

        Raises:
            NotFound: there is no such edition.
        """
        found = self._find(edition_id)
        return _edition(found), self._parts.get(found["owners"][0], found["parts"][0])

    def works(self, edition_id: str) -> bytes:
        """Return the frozen works of an edition, as `wire.frozen.encode_frozen` encoded them.

        Raises:
            NotFound: there is no such edition.
        """
        found = self._find(edition_id)
        return self._parts.get(found["owners"][1], found["parts"][1])

    def _find(self, edition_id: str) -> dict[str, Any]:
        found = self._editions.find_one({"_id": edition_id})
        if found is None:
            raise NotFound(f"there is no edition {edition_id!r}; `kieng edition list` shows all")
        return found


def _edition(document: Mapping[str, Any]) -> Edition:
    return Edition(document["_id"], *(document[name] for name in FIELDS))
