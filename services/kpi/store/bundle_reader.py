"""Reads bundles of works; `bundle_writer` describes their content. Bundles never change."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from typing import Any

import bson
from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.kpi.store.bundle_writer import (
    WORKS_PER_BUNDLE,
    bundle_name,
    directory_name,
    key_hash,
    unit_name,
    unpack,
)

# In the embedded database the cost of `$in` grows with the square of its length.
IDS_PER_QUERY = 50
DIRECTORIES_KEPT = 64
FIRST_BATCH = 8
"""Number of works in the first batch. Batches grow, as works that are read ahead may go unused."""

Sources = list[bytes]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of bundles, i.e. those that one shard of a bulk load wrote, in order of work key.

    Args:
        view_id: id of the view.
        partition: number of the partition.
        number: number of the run within the partition.
    """

    view_id: str
    partition: int
    number: int

    def identity(self, name: str) -> str:
        """Return the `_id` of a document with this name, in the view and partition of the run.

        Args:
            name: name of a bundle, directory or list, see `bundle_writer`; or a work key.
        """
        return f"{self.view_id}|{self.partition}|{name}"


@dataclass(frozen=True, slots=True)
class BundleIndex:
    """The directory of a run, which finds the bundle of a work; takes about ten bytes per work.

    Args:
        first: first work key of each bundle.
        hashes: sorted `key_hash` of all work keys.
    """

    first: list[str]
    hashes: array[int]

    def bundle_of(self, key: str) -> int | None:
        """Return the number of the bundle that may contain a work; None if certainly none does."""
        wanted = key_hash(key)
        place = bisect_left(self.hashes, wanted)
        if place == len(self.hashes) or self.hashes[place] != wanted:
            return None
        number = bisect_right(self.first, key) - 1
        return None if number < 0 else number


class Bundles:
    """Reads the bundles of all views. Thread-safe."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._bundles = database["bundles"]
        # Unlocked: threads may read a directory twice or exceed the limit, which does no harm.
        self._directories: dict[Run, BundleIndex] = {}

    def find(
        self, run: Run, keys: Sequence[str], session: ClientSession | None = None
    ) -> dict[str, Sources]:
        """Return work key -> newest events, one per submission, of the works that the run contains.

        Keys that it does not contain are left out.

        Args:
            run: the run to search.
            keys: work keys, in any order.
            session: database session of a snapshot; None to read on its own.
        """
        directory, wanted = self._directory(run, session), defaultdict(list)
        for key in keys:
            number = directory.bundle_of(key)
            if number is not None:
                wanted[number].append(key)
        found: dict[str, Sources] = {}
        for number, content in self._read(run, sorted(wanted), session).items():
            works = dict(zip(content["k"], content["c"], strict=True))
            found |= {key: works[key] for key in wanted[number] if key in works}
        return found

    def under(
        self, run: Run, unit_id: str, types: Sequence[str], after: str, session: ClientSession
    ) -> Iterator[list[tuple[str, Sources]]]:
        """Yield the works of a run that a unit or its descendants claim, by key, in batches.

        A batch is a list of (work key, newest events) and may be empty.

        Args:
            run: the run to read.
            unit_id: id of the unit, or `bundle_writer.JOINT` for works that several units claim.
            types: submission types of the works.
            after: only keys after this one; empty for all.
            session: database session of the snapshot.
        """
        identity = run.identity(unit_name(run.number, unit_id))
        listed = self._bundles.find_one({"_id": identity}, session=session)
        if listed is None:
            return
        by_type = bson.decode(listed["content"])
        lists = [unpack(by_type[name]) for name in types if name in by_type]
        begin = 0
        if after:
            known = self._directory(run, session).first
            begin = max(0, bisect_right(known, after) - 1) * WORKS_PER_BUNDLE
        # A work may have two types, that of its verified claim and that of a pending amendment.
        ordinals = merge(*(islice(each, bisect_left(each, begin), None) for each in lists))
        distinct, size = (ordinal for ordinal, _ in groupby(ordinals)), FIRST_BATCH
        while some := list(islice(distinct, size)):
            works = self._at(run, some, session)
            yield [work for work in works if work[0] > after]
            size = min(2 * size, IDS_PER_QUERY)

    def _at(
        self, run: Run, ordinals: Sequence[int], session: ClientSession
    ) -> list[tuple[str, Sources]]:
        numbers = sorted({ordinal // WORKS_PER_BUNDLE for ordinal in ordinals})
        contents = self._read(run, numbers, session)
        places = (divmod(ordinal, WORKS_PER_BUNDLE) for ordinal in ordinals)
        return [(contents[n]["k"][place], contents[n]["c"][place]) for n, place in places]

    def _read(
        self, run: Run, numbers: Sequence[int], session: ClientSession | None
    ) -> dict[int, dict[str, Any]]:
        identities = {run.identity(bundle_name(run.number, n)): n for n in numbers}
        waiting, found = iter(identities), {}
        while some := list(islice(waiting, IDS_PER_QUERY)):
            for document in self._bundles.find({"_id": {"$in": some}}, session=session):
                found[identities[document["_id"]]] = bson.decode(document["content"])
        return found

    def _directory(self, run: Run, session: ClientSession | None) -> BundleIndex:
        known = self._directories.get(run)
        if known is None:
            identity = run.identity(directory_name(run.number))
            document = self._bundles.find_one({"_id": identity}, session=session)
            if document is None:
                raise LookupError(f"the directory {identity} of a bulk load is missing")
            content = bson.decode(document["content"])
            known = BundleIndex(content["first"], unpack(content["hashes"]))
            if len(self._directories) >= DIRECTORIES_KEPT:
                self._directories.clear()
            self._directories[run] = known
        return known
