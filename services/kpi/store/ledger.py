"""Progress, cells and works of a view, moved together in one transaction per flush.

A flush commits only where the epoch is the owner's and the offset is the one it read from; a former
owner that still runs can therefore never write (ADR 0002). A restart begins at the stored offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bson import Binary
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession

from services.kernel.errors import OwnershipLost
from services.kernel.mongo import Mongo
from services.kpi.domain.image import Row
from services.kpi.domain.parking import WINDOW_RECORDS, Grave, Parked
from services.kpi.store.documents import DATABASE

# SecantusDB's cost of `$in` grows with the square of its length.
IDS_PER_QUERY = 50


@dataclass(frozen=True, slots=True)
class Owned:
    """A partition of a view that this process owns, and where it stands."""

    view_id: str
    partition: int
    epoch: int
    next_offset: int
    newest_event_ms: int
    parked: int
    """Records that were set aside and wait for a newer version of their submission."""
    republished: frozenset[str]
    last_hash: str = ""
    """Identity of the last record that was folded; empty when it is not known."""


@dataclass(slots=True)
class Flush:
    """What one batch changes.

    Args:
        owned: where the partition stood.
        next_offset: where it stands after the batch.
        rows: (unit id, month) -> its cells, whole.
        works: work key -> document fields `u`, `j`, `c`.
        parked: offset -> what is kept of a record that cannot be folded.
        mended: offsets of parked records that a newer version replaced.
        last_hash: identity of the batch's last record.
    """

    owned: Owned
    next_offset: int
    newest_event_ms: int
    republished: frozenset[str]
    rows: dict[tuple[str, int], Row] = field(default_factory=dict)
    works: dict[str, dict[str, Any]] = field(default_factory=dict)
    parked: dict[int, Parked] = field(default_factory=dict)
    mended: list[int] = field(default_factory=list)
    last_hash: str = ""

    def done(self) -> Owned:
        """Return where the partition stands when this is committed."""
        return replace(
            self.owned,
            next_offset=self.next_offset,
            newest_event_ms=self.newest_event_ms,
            parked=self.owned.parked + len(self.parked) - len(self.mended),
            republished=self.republished,
            last_hash=self.last_hash,
        )


class Ledger:
    """The stored side of the fold, for the one thread that owns partitions."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._session = mongo.client.start_session()
        database = mongo.database(DATABASE)
        self._progress = database["progress"]
        self._rows = database["cells"]
        self._works = database["works"]
        self._parked = database["parked"]

    def claim(self, view_id: str, partition: int, begin: int = 0) -> Owned:
        """Become the owner of a partition: raise its epoch, so that no former owner can commit.

        A view that is new to the partition begins at ``begin``.

        A former owner that was killed or frozen in the middle of a flush would hold its documents
        until the database gives its transaction up, after a minute: its session is ended first.
        """
        key = f"{view_id}|{partition}"
        me = self._session.session_id["id"]
        former = (self._progress.find_one({"_id": key}) or {}).get("session")
        if former is not None and Binary.from_uuid(former) != me:
            ended = [{"id": Binary.from_uuid(former)}]
            self._mongo.client.admin.command({"killSessions": ended})
        fresh = {"v": view_id, "p": partition, "next_offset": begin, "newest_event_ms": 0}

        def work(session: ClientSession) -> dict[str, Any]:
            change = {
                "$inc": {"epoch": 1},
                "$set": {"session": me},
                "$setOnInsert": {**fresh, "parked": 0, "republished": []},
            }
            self._progress.update_one({"_id": key}, change, upsert=True, session=session)
            found = self._progress.find_one({"_id": key}, session=session)
            assert found is not None
            return found

        found = self._mongo.transaction(work, self._session)
        return Owned(
            view_id,
            partition,
            found["epoch"],
            found["next_offset"],
            found["newest_event_ms"],
            found["parked"],
            frozenset(found["republished"]),
            found.get("last_hash", ""),
        )

    def graves(self, owned: Owned) -> list[Grave]:
        """Return the parked records of a partition that are open or among the last 10,000."""
        whole = {"v": owned.view_id, "p": owned.partition}
        recent = {**whole, "o": {"$gte": owned.next_offset - WINDOW_RECORDS}}
        wanted = [recent, {**whole, "open": True}] if owned.parked else [recent]
        fields = {"o": 1, "s": 1, "k": 1, "n": 1, "open": 1}
        found = (document for query in wanted for document in self._parked.find(query, fields))
        graves = {d["o"]: Grave(d["o"], d["s"], d["k"], d["n"], d["open"]) for d in found}
        return list(graves.values())

    def works(self, owned: Owned, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Return what is stored of works: key -> the newest event of each submission."""
        prefix = f"{owned.view_id}|{owned.partition}|"
        found = {}
        for ids in _chunks([prefix + key for key in keys]):
            for document in self._works.find({"_id": {"$in": ids}}, {"k": 1, "c": 1}):
                found[document["k"]] = document["c"]
        return found

    def rows(
        self, owned: Owned, keys: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], dict[tuple[str, str], int]]:
        """Return stored rows by (unit id, month)."""
        ids = [_row_id(owned, unit_id, month) for unit_id, month in keys]
        found = {}
        for chunk in _chunks(ids):
            for document in self._rows.find({"_id": {"$in": chunk}}):
                found[document["u"], document["m"]] = decode_row(document)
        return found

    def commit(self, flush: Flush) -> Owned:
        """Write a batch, all of it or nothing, and return where the partition stands now.

        Raises:
            OwnershipLost: another process owns the partition; nothing was written.
            pymongo.errors.PyMongoError: the database failed; it may or may not have been written,
                and claiming again tells.
        """
        owned, done = flush.owned, flush.done()
        offset = flush.next_offset - 1
        rows = [_replace_row(owned, key, row, offset) for key, row in flush.rows.items()]
        works = [_replace_work(owned, key, fields) for key, fields in flush.works.items()]
        graves = _bury(flush)

        def work(session: ClientSession) -> None:
            result = self._progress.update_one(
                {
                    "_id": f"{owned.view_id}|{owned.partition}",
                    "epoch": owned.epoch,
                    "next_offset": owned.next_offset,
                },
                {
                    "$set": {
                        "next_offset": done.next_offset,
                        "newest_event_ms": done.newest_event_ms,
                        "republished": sorted(done.republished),
                        "parked": done.parked,
                        "last_hash": done.last_hash,
                    }
                },
                session=session,
            )
            if result.matched_count != 1:
                raise OwnershipLost(f"epoch {owned.epoch} of {owned.view_id} is over")
            for collection, writes in (
                (self._rows, rows),
                (self._works, works),
                (self._parked, graves),
            ):
                if writes:
                    collection.bulk_write(writes, ordered=False, session=session)

        self._mongo.transaction(work, self._session)
        return done


def decode_row(document: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Return the cells of a stored row: (column, member) -> value."""
    cells = {(column, ""): value for column, value in document["n"].items()}
    cells.update({(column, member): value for column, member, value in document["s"]})
    return cells


def _row_id(owned: Owned, unit_id: str, month: int) -> str:
    return f"{owned.view_id}|{owned.partition}|{unit_id}|{month}"


def _replace_row(
    owned: Owned, key: tuple[str, int], row: Row, offset: int
) -> ReplaceOne[dict[str, Any]]:
    unit_id, month = key
    document = {
        "_id": _row_id(owned, unit_id, month),
        "v": owned.view_id,
        "p": owned.partition,
        "u": unit_id,
        "m": month,
        "o": offset,
        "n": {column: value for (column, member), value in row.items() if not member},
        "s": [[column, member, value] for (column, member), value in row.items() if member],
    }
    return ReplaceOne({"_id": document["_id"]}, document, upsert=True)


def _replace_work(owned: Owned, key: str, fields: dict[str, Any]) -> ReplaceOne[dict[str, Any]]:
    identity = f"{owned.view_id}|{owned.partition}|{key}"
    document = {"_id": identity, "v": owned.view_id, "p": owned.partition, "k": key, **fields}
    return ReplaceOne({"_id": identity}, document, upsert=True)


def _bury(flush: Flush) -> list[Any]:
    """Return the writes of parked records; one that was parked and mended is written once."""
    owned, mended = flush.owned, set(flush.mended)
    writes: list[Any] = [
        _insert_parked(owned, offset, parked, is_open=offset not in mended)
        for offset, parked in flush.parked.items()
    ]
    closed = {"$set": {"open": False}}
    before = sorted(mended - flush.parked.keys())
    return writes + [UpdateOne({"_id": _parked_id(owned, offset)}, closed) for offset in before]


def _insert_parked(
    owned: Owned, offset: int, parked: Parked, *, is_open: bool
) -> InsertOne[dict[str, Any]]:
    document = {
        "_id": _parked_id(owned, offset),
        "v": owned.view_id,
        "p": owned.partition,
        "o": offset,
        "i": parked.institution_id,
        "s": parked.submission_id,
        "n": parked.version,
        "k": parked.work_key,
        "type": parked.type,
        "at": parked.recorded_ms,
        "reason": parked.reason,
        "value": parked.value,
        "open": is_open,
    }
    return InsertOne(document)


def _parked_id(owned: Owned, offset: int) -> str:
    return f"{owned.view_id}|{owned.partition}|{offset}"


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    for begin in range(0, len(ids), IDS_PER_QUERY):
        yield ids[begin : begin + IDS_PER_QUERY]
