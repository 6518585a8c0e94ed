"""Stores blobs, i.e. bytes too large for one document, in parts; written once, read whole."""

from __future__ import annotations

from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE

PART_BYTES = 4 * 1024 * 1024
"""Size of a part: a quarter of MongoDB's maximum document size."""


class Parts:
    """The parts of all blobs. Thread-safe.

    A blob has an owner, i.e. the key under which its parts are stored. The document that refers to
    the owner is written after the parts.
    """

    def __init__(self, mongo: Mongo) -> None:
        self._parts = mongo.database(DATABASE)["parts"]

    def put(self, owner: str, content: bytes) -> int:
        """Store a blob under an owner; return its number of parts, at least 1.

        Replaces any parts that a crashed writer left under this owner.
        """
        count = max(1, -(-len(content) // PART_BYTES))
        for number in range(count):
            piece = content[number * PART_BYTES : (number + 1) * PART_BYTES]
            identity = f"{owner}|{number}"
            document = {"_id": identity, "owner": owner, "content": piece}
            self._parts.replace_one({"_id": identity}, document, upsert=True)
        return count

    def get(self, owner: str, count: int) -> bytes:
        """Return the blob of an owner.

        Args:
            owner: key of the blob.
            count: its number of parts, as `put` returned it.

        Raises:
            ValueError: a part is missing, because the database was changed by hand.
        """
        pieces = []
        for number in range(count):
            found = self._parts.find_one({"_id": f"{owner}|{number}"})
            if found is None:
                raise ValueError(f"part {number} of {owner} is missing")
            pieces.append(found["content"])
        return b"".join(pieces)

    def drop(self, owner: str) -> None:
        """Delete the blob of an owner, if there is one."""
        self._parts.delete_many({"owner": owner})
