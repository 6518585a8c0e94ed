"""Consistent reads of a view: progress and documents of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pymongo.client_session import ClientSession

from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.kpi.store.ledger import chunks, decode_row
from services.kpi.store.transactions import transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a view has read, over all partitions."""

    next_offsets: Mapping[int, int]
    newest_event_ms: int
    parked: int
    republished: frozenset[str]
    """Institutions that every partition has heard of."""
    kept_from: Mapping[int, int] = field(default_factory=dict)
    """Partition -> first offset from which on the changed rows are noted."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """All cells of one unit and month in one partition."""

    partition: int
    unit_id: str
    month: int
    cells: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class StoredWork:
    """A work: its key and the newest event of each of its submissions."""

    work_key: str
    sources: list[bytes]


class Snapshots:
    """Reads of the stored view. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        database = mongo.database(DATABASE)
        self._progress = database["progress"]
        self._rows = database["cells"]
        self._works = database["works"]
        self._notes = database["changes"]

    def progress(self, view_id: str, session: ClientSession | None = None) -> Progress:
        """Return how far a view has read."""
        found = list(self._progress.find({"v": view_id}, session=session))
        heard = [frozenset(document["republished"]) for document in found]
        return Progress(
            {document["p"]: document["next_offset"] for document in found},
            max((document["newest_event_ms"] for document in found), default=0),
            sum(document["parked"] for document in found),
            frozenset.intersection(*heard) if heard else frozenset(),
            {document["p"]: document["kept_from"] for document in found if "kept_from" in document},
        )

    def changes(self, view_id: str, since: Mapping[int, int]) -> tuple[Progress, list[StoredRow]]:
        """Return the rows that changed since a position, and the position they stand at.

        Args:
            view_id: view.
            since: partition -> next offset that the reader knows; absent means from the beginning.
        """

        def work(session: ClientSession) -> tuple[Progress, list[StoredRow]]:
            progress = self.progress(view_id, session)
            rows: list[StoredRow] = []
            for partition, next_offset in progress.next_offsets.items():
                known = since.get(partition, 0)
                if next_offset > known:
                    is_noted = known >= progress.kept_from.get(partition, next_offset)
                    read = self._noted_rows if is_noted else self._later_rows
                    rows += read(view_id, partition, known, session)
            return progress, rows

        return transaction(self._mongo, work)

    def _noted_rows(
        self, view_id: str, partition: int, known: int, session: ClientSession
    ) -> list[StoredRow]:
        query = {"v": view_id, "p": partition, "o": {"$gte": known}}
        ids = {row_id for note in self._notes.find(query, session=session) for row_id in note["r"]}
        return [
            _row(document)
            for several in chunks(sorted(ids))
            for document in self._rows.find({"_id": {"$in": several}}, session=session)
        ]

    def _later_rows(
        self, view_id: str, partition: int, known: int, session: ClientSession
    ) -> list[StoredRow]:
        """Return what changed by reading every row: for a reader that starts, or is far behind."""
        everything = self._rows.find({"v": view_id}, session=session)
        return [_row(d) for d in everything if d["p"] == partition and d["o"] >= known]

    def works(
        self,
        view_id: str,
        unit_id: str,
        types: list[str],
        after: str,
        limit: int,
        known: Progress | None = None,
    ) -> tuple[Progress, list[StoredRow], list[StoredWork]]:
        """Return a page of the works that a unit or its descendants claim, with the unit's rows.

        Args:
            view_id: view.
            unit_id: unit.
            types: submission types.
            after: key of the last work of the page before; empty for the first.
            limit: most works.
            known: where the reader's own cells stand; no rows are read when the view stands there.
        """

        def work(session: ClientSession) -> tuple[Progress, list[StoredRow], list[StoredWork]]:
            progress = self.progress(view_id, session)
            rows = [] if is_at(progress, known) else self._rows_of(view_id, [unit_id], session)
            places = [f"{type_name}|{unit_id}" for type_name in types]
            query: dict[str, Any] = {"v": view_id, "u": {"$in": places}}
            if after:
                query["k"] = {"$gt": after}
            works = self._works.find(query, {"k": 1, "c": 1}, session=session)
            page = works.sort("k", 1).limit(limit)
            return progress, rows, [StoredWork(d["k"], d["c"]) for d in page]

        return transaction(self._mongo, work)

    def joint_works(
        self,
        view_id: str,
        type_name: str,
        unit_ids: list[str],
        made_of: Callable[[Iterable[StoredWork]], T],
        after: str = "",
        limit: int = 0,
        known: Progress | None = None,
    ) -> tuple[Progress, list[StoredRow], T]:
        """Return what is made of the works of a type that several units claim, in order of key.

        Args:
            view_id: view.
            type_name: submission type.
            unit_ids: units whose rows are returned too.
            made_of: called with the works; they are never in memory all at once.
            after: key of the last work of the page before; empty for the first.
            limit: most works; 0 for all.
            known: where the reader's own cells stand; no rows are read when the view stands there.
        """

        def work(session: ClientSession) -> tuple[Progress, list[StoredRow], T]:
            progress = self.progress(view_id, session)
            rows = [] if is_at(progress, known) else self._rows_of(view_id, unit_ids, session)
            query: dict[str, Any] = {"v": view_id, "j": type_name}
            if after:
                query["k"] = {"$gt": after}
            found = self._works.find(query, {"k": 1, "c": 1}, session=session)
            works = found.sort("k", 1).limit(limit)
            return progress, rows, made_of(StoredWork(d["k"], d["c"]) for d in works)

        return transaction(self._mongo, work)

    def find_work(self, view_id: str, work_key: str) -> tuple[Progress, StoredWork | None]:
        """Return one work, or None when the view knows nothing of it."""

        def work(session: ClientSession) -> tuple[Progress, StoredWork | None]:
            progress = self.progress(view_id, session)
            for partition in progress.next_offsets:
                query = {"_id": f"{view_id}|{partition}|{work_key}"}
                found = self._works.find_one(query, {"k": 1, "c": 1}, session=session)
                if found is not None:
                    return progress, StoredWork(found["k"], found["c"])
            return progress, None

        return transaction(self._mongo, work)

    def _rows_of(
        self, view_id: str, unit_ids: list[str], session: ClientSession
    ) -> list[StoredRow]:
        return [
            _row(document)
            for unit_id in unit_ids
            for document in self._rows.find({"v": view_id, "u": unit_id}, session=session)
        ]


def is_at(progress: Progress, known: Progress | None) -> bool:
    """Tell whether a view stands where a reader's own cells do."""
    return known is not None and progress.next_offsets == known.next_offsets


def _row(document: dict[str, Any]) -> StoredRow:
    return StoredRow(document["p"], document["u"], document["m"], decode_row(document))
