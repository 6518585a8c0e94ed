"""Consistent reads of stored views: checkpoint and documents come from the same snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

from pymongo.client_session import ClientSession

from services.kernel.mongo import Mongo
from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.store.bundle_reader import Sources
from services.kpi.store.cancellation import always, while_wanted
from services.kpi.store.change_notes import told_by
from services.kpi.store.documents import DATABASE
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.rows import decode_row
from services.kpi.store.transactions import transaction
from services.kpi.store.view_documents import View
from services.kpi.store.works import StoredWork, StoredWorks, chunks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """The checkpoint of a view over all partitions, i.e. how far it has read the log.

    Args:
        next_offsets: partition -> offset of the next record to fold.
        newest_event_ms: time of the newest event, in ms since 1970; 0 if there is none.
        parked: number of open parked records, dismissed ones included.
        republished: institutions that are republished in every partition.
        kept_from: partition -> first offset that the change log covers.
        runs: partition -> number of runs of bundles of its bulk load.
    """

    next_offsets: Mapping[int, int]
    newest_event_ms: int
    parked: int
    republished: frozenset[str]
    kept_from: Mapping[int, int] = field(default_factory=dict)
    runs: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """Cells of one unit and month in one partition, as read from the database.

    Args:
        partition: number of the partition.
        unit_id: id of the unit.
        month: months since January of year 0.
        cells: (column name, member) -> value; 0 for a cell that was removed.
        is_whole: True if these are all cells of the row, False if only those that changed.
    """

    partition: int
    unit_id: str
    month: int
    cells: dict[CellKey, int]
    is_whole: bool = True


class Snapshots:
    """Reads stored views; each call reads from one database snapshot. Thread-safe.

    Args:
        mongo: connection to the database.
        is_wanted: returns False once the caller has left; a read of works then ends with
            `CallerLeft`.
    """

    def __init__(self, mongo: Mongo, is_wanted: Callable[[], bool] = always) -> None:
        self.is_wanted = is_wanted
        self._mongo = mongo
        database = mongo.database(DATABASE)
        self._progress = database["progress"]
        self._rows = database["cells"]
        self._works = StoredWorks(database)
        self._notes = database["changes"]
        self._parked = ParkedRecords(mongo)

    def asked_by(self, is_wanted: Callable[[], bool]) -> Snapshots:
        """Return the same snapshots, read for one caller; for ``is_wanted`` see the class."""
        mine = copy(self)
        mine.is_wanted = is_wanted
        return mine

    def progress(self, view_id: str, session: ClientSession | None = None) -> Progress:
        """Return the checkpoint of a view; one without partitions if the view is unknown.

        Args:
            view_id: id of the view.
            session: session of a snapshot to read in; None to read on its own.
        """
        found = list(self._progress.find({"v": view_id}, session=session))
        heard = [frozenset(document["republished"]) for document in found]
        return Progress(
            {document["p"]: document["next_offset"] for document in found},
            max((document["newest_event_ms"] for document in found), default=0),
            sum(document["parked"] for document in found),
            frozenset.intersection(*heard) if heard else frozenset(),
            {document["p"]: document["kept_from"] for document in found if "kept_from" in document},
            {document["p"]: document.get("runs", 0) for document in found},
        )

    def dismissed(self, view: View) -> int:
        """Return how many open parked records of a view an operator dismissed."""
        return self._parked.dismissed(view)

    def changes(self, view_id: str, since: Mapping[int, int]) -> tuple[Progress, list[StoredRow]]:
        """Return the checkpoint of a view, and its rows that changed since a position.

        For a partition that the reader does not know yet, or whose change log no longer reaches
        back to the position, these are whole rows; else they may hold only the changed cells. Whole
        rows come after single cells of the same rows, so apply them in this order.

        Args:
            view_id: id of the view.
            since: partition -> next offset of the reader; absent for one that it does not know.
        """

        def work(session: ClientSession) -> tuple[Progress, list[StoredRow]]:
            progress = self.progress(view_id, session)
            rows: list[StoredRow] = []
            for partition, next_offset in progress.next_offsets.items():
                known = since.get(partition, 0)
                if next_offset > known:
                    kept_from = progress.kept_from.get(partition, next_offset)
                    is_noted = partition in since and known >= kept_from
                    read = self._noted_rows if is_noted else self._later_rows
                    rows += read(view_id, partition, known, session)
            return progress, rows

        return transaction(self._mongo, work)

    def _noted_rows(
        self, view_id: str, partition: int, known: int, session: ClientSession
    ) -> list[StoredRow]:
        query = {"v": view_id, "p": partition, "o": {"$gte": known}}
        told: dict[RowKey, dict[CellKey, int]] = {}
        ids: set[str] = set()
        for note in sorted(self._notes.find(query, session=session), key=itemgetter("o")):
            for place, cells in (now := told_by(note)).items():
                told.setdefault(place, {}).update(cells)
            ids.update(() if now else note["r"])
        changes = [StoredRow(partition, *place, cells, False) for place, cells in told.items()]
        return changes + [
            _row(document)
            for several in chunks(sorted(ids))
            for document in self._rows.find({"_id": {"$in": several}}, session=session)
        ]

    def _later_rows(
        self, view_id: str, partition: int, known: int, session: ClientSession
    ) -> list[StoredRow]:
        """Return changed rows by reading all rows, for a reader that starts or is far behind."""
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
        """Return a page of the works that a unit or its descendants claim, in order of key.

        Args:
            view_id: id of the view.
            unit_id: id of the unit.
            types: submission types of the works.
            after: key of the last work of the page before; empty for the first page.
            limit: maximum number of works.
            known: position of cells that the caller already has; None if it has none.

        Returns:
            Checkpoint, the unit's rows, and the works. Rows are left out if the view is at
                ``known``.
        """

        def work(session: ClientSession) -> tuple[Progress, list[StoredRow], list[StoredWork]]:
            progress = self.progress(view_id, session)
            rows = [] if is_at(progress, known) else self._rows_of(view_id, [unit_id], session)
            found = self._works.claimed(
                view_id, progress.runs, unit_id, types, after, limit, session
            )
            return progress, rows, list(while_wanted(found, self.is_wanted))

        return transaction(self._mongo, work)

    def joint_works(
        self,
        view_id: str,
        types: Sequence[str],
        unit_ids: Sequence[str],
        made_of: Callable[[Iterable[StoredWork]], T],
        after: str = "",
        limit: int = 0,
        known: Progress | None = None,
    ) -> tuple[Progress, list[StoredRow], T]:
        """Compute a result from the works of given types that several units claim, in order of key.

        Args:
            view_id: id of the view.
            types: submission types of the works.
            unit_ids: units whose rows are returned as well.
            made_of: computes the result from an iterator over the works, which reads in batches.
            after: key of the last work of the page before; empty for the first page.
            limit: maximum number of works; 0 for all.
            known: position of cells that the caller already has; None if it has none.

        Returns:
            Checkpoint, rows of the units, and the result. Rows are left out if the view is at
                ``known``.
        """

        def work(session: ClientSession) -> tuple[Progress, list[StoredRow], T]:
            progress = self.progress(view_id, session)
            rows = [] if is_at(progress, known) else self._rows_of(view_id, unit_ids, session)
            found = self._works.joint(view_id, progress.runs, types, after, limit, session)
            return progress, rows, made_of(while_wanted(found, self.is_wanted))

        return transaction(self._mongo, work)

    def find_work(self, view_id: str, work_key: str) -> tuple[Progress, StoredWork | None]:
        """Return a view's checkpoint and one of its works; None if it does not have the work."""

        def work(session: ClientSession) -> tuple[Progress, StoredWork | None]:
            progress = self.progress(view_id, session)
            for partition, runs in progress.runs.items():
                found = self._works.find(view_id, partition, runs, [work_key], session)
                if found:
                    return progress, StoredWork(work_key, found[work_key])
            return progress, None

        return transaction(self._mongo, work)

    def find_works(
        self, view_id: str, keys: Iterable[str], partition_of: Callable[[str], int | None]
    ) -> tuple[Progress, list[StoredWork]]:
        """Return a view's checkpoint and those of the given works that it has, in no fixed order.

        Args:
            view_id: id of the view.
            keys: work keys, each once; unknown ones are ignored.
            partition_of: returns the partition of a key; None if it is unknown.
        """
        wanted = [(key, partition_of(key)) for key in keys]

        def work(session: ClientSession) -> tuple[Progress, list[StoredWork]]:
            progress = self.progress(view_id, session)
            found: dict[str, Sources] = {}
            for partition in progress.next_offsets:
                here = [key for key, place in wanted if place in (None, partition)]
                runs = progress.runs.get(partition, 0)
                found |= self._works.find(view_id, partition, runs, here, session)
            return progress, [StoredWork(*each) for each in found.items()]

        return transaction(self._mongo, work)

    def _rows_of(
        self, view_id: str, unit_ids: Sequence[str], session: ClientSession
    ) -> list[StoredRow]:
        return [
            _row(document)
            for unit_id in unit_ids
            for document in self._rows.find({"v": view_id, "u": unit_id}, session=session)
        ]


def is_at(progress: Progress, known: Progress | None) -> bool:
    """Return True if two positions are the same; False if the reader has none, i.e. None.

    Args:
        progress: position of the stored view.
        known: position of the cells that a reader already has.
    """
    return known is not None and progress.next_offsets == known.next_offsets


def _row(document: dict[str, Any]) -> StoredRow:
    return StoredRow(document["p"], document["u"], document["m"], decode_row(document))
