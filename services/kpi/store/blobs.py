"""Blobs: large bytes split into parts that fit into documents; written once, read whole."""

from __future__ import annotations

from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE

PART_BYTES = 4 * 1024 * 1024
"""A quarter of MongoDB's maximum document size."""


class Parts:
    """Blobs by owner, a document that is written after its parts. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._parts = mongo.database(DATABASE)["parts"]

    def put(self, owner: str, content: bytes) -> int:
        """Store a blob and return its number of parts; replaces leftovers of a crashed writer."""
        count = max(1, -(-len(content) // PART_BYTES))
        for number in range(count):
            piece = content[number * PART_BYTES : (number + 1) * PART_BYTES]
            identity = f"{owner}|{number}"
            document = {"_id": identity, "owner": owner, "content": piece}
            self._parts.replace_one({"_id": identity}, document, upsert=True)
        return count

    def get(self, owner: str, count: int) -> bytes:
        """Return the blob of an owner.

        Raises:
            ValueError: a part is missing: the database was changed by hand.
        """
        pieces = []
        for number in range(count):
            found = self._parts.find_one({"_id": f"{owner}|{number}"})
            if found is None:
                raise ValueError(f"part {number} of {owner} is missing")
            pieces.append(found["content"])
        return b"".join(pieces)

    def drop(self, owner: str) -> None:
        """Delete the blob of an owner."""
        self._parts.delete_many({"owner": owner})
