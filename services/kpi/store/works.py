"""Reads stored works: from the bundles of a bulk load, or from their own documents once changed.

A work's own document takes precedence, because it is newer than the copy in a bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.kpi.store.bundle_reader import IDS_PER_QUERY, Bundles, Run, Sources
from services.kpi.store.bundle_writer import JOINT
from services.kpi.store.key_ranges import KeyRanges


@dataclass(frozen=True, slots=True)
class StoredWork:
    """A stored work: its key, and the newest event of each of its submissions, encoded."""

    work_key: str
    sources: Sources


class StoredWorks:
    """Reads the stored works of all views. Thread-safe."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._works = database["works"]
        self._in_order = KeyRanges(self._works, _FIELDS)
        self._bundles = Bundles(database)

    def find(
        self,
        view_id: str,
        partition: int,
        runs: int,
        keys: Sequence[str],
        session: ClientSession | None = None,
    ) -> dict[str, Sources]:
        """Return work key -> encoded newest events of its submissions, without unknown works.

        Args:
            view_id: id of the view.
            partition: number of the partition.
            runs: number of runs of bundles of the partition's bulk load; 0 without one.
            keys: work keys.
            session: database session of a snapshot; None to read on its own.
        """
        ids = [f"{view_id}|{partition}|{key}" for key in keys]
        found = {}
        for some in chunks(ids):
            for document in self._works.find({"_id": {"$in": some}}, _FIELDS, session=session):
                found[document["k"]] = document["c"]
        for number in range(runs):
            absent = [key for key in keys if key not in found]
            found |= self._bundles.find(Run(view_id, partition, number), absent, session)
        return found

    def claimed(
        self,
        view_id: str,
        runs: Mapping[int, int],
        unit_id: str,
        types: Sequence[str],
        after: str,
        limit: int,
        session: ClientSession,
    ) -> Iterator[StoredWork]:
        """Yield the stored works that a unit or its descendants claim, in order of key.

        Args:
            view_id: id of the view.
            runs: partition -> number of runs of bundles.
            unit_id: id of the unit.
            types: submission types of the works.
            after: only keys after this one; empty for all.
            limit: maximum number of works; 0 for all.
            session: database session of the snapshot.
        """
        # One query per type, as the embedded database uses key bounds only with plain equalities.
        queries = [{"v": view_id, "u": f"{name}|{unit_id}"} for name in types]
        return self._listed(queries, view_id, runs, unit_id, types, after, limit, session)

    def joint(
        self,
        view_id: str,
        runs: Mapping[int, int],
        types: Sequence[str],
        after: str,
        limit: int,
        session: ClientSession,
    ) -> Iterator[StoredWork]:
        """Yield the stored works of given types that several units claim, in order of key.

        Args:
            view_id: id of the view.
            runs: partition -> number of runs of bundles.
            types: submission types of the works.
            after: only keys after this one; empty for all.
            limit: maximum number of works; 0 for all.
            session: database session of the snapshot.
        """
        queries = [{"v": view_id, "j": name} for name in types]
        return self._listed(queries, view_id, runs, JOINT, types, after, limit, session)

    def _listed(
        self,
        queries: Sequence[dict[str, Any]],
        view_id: str,
        runs: Mapping[int, int],
        unit_id: str,
        types: Sequence[str],
        after: str,
        limit: int,
        session: ClientSession,
    ) -> Iterator[StoredWork]:
        found = (self._in_order.read(query, after, limit, session) for query in queries)
        # A work may have two types, that of its verified claim and that of a pending amendment.
        distinct = groupby(merge(*found, key=itemgetter("k")), itemgetter("k"))
        own = (StoredWork(key, next(documents)["c"]) for key, documents in distinct)
        bound = (
            self._bound(Run(view_id, partition, number), unit_id, types, after, session)
            for partition, count in runs.items()
            for number in range(count)
        )
        ordered = merge(own, *bound, key=lambda work: work.work_key)
        return islice(ordered, limit or None)

    def _bound(
        self, run: Run, unit_id: str, types: Sequence[str], after: str, session: ClientSession
    ) -> Iterator[StoredWork]:
        for works in self._bundles.under(run, unit_id, types, after, session):
            newer = set()
            for some in chunks([run.identity(key) for key, _ in works]):
                found = self._works.find({"_id": {"$in": some}}, {"k": 1}, session=session)
                newer |= {document["k"] for document in found}
            yield from (StoredWork(key, sources) for key, sources in works if key not in newer)


_FIELDS = {"k": 1, "c": 1}


def chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield a list of document ids in consecutive pieces, each short enough for one query."""
    for begin in range(0, len(ids), IDS_PER_QUERY):
        yield ids[begin : begin + IDS_PER_QUERY]
