"""A rebuild ends with the documents and the digest that the fold ends with, however it went."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import NetworkTimeout

from kieng.submissions.v1 import events_pb2
from services.kpi.domain.cube import Cube
from services.kpi.domain.parking import ParkedRef
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.rebuild import bulk_load, shard
from services.kpi.rebuild.bulk_load import here, rebuild
from services.kpi.store.bulk_load import Document
from services.kpi.store.bundle_writer import JOINT, WORKS_PER_BUNDLE, unpack
from services.kpi.store.rows import PackedRow
from services.kpi.store.writes import Flush, PartitionLease
from tests.integration.kpi.logs import log
from tests.property.kpi.histories import DETERMINISTIC
from tests.unit.kpi.builders import (
    INSTITUTIONS,
    FakeRecord,
    article,
    changed,
    real_catalogue,
    record,
)

OWNED = PartitionLease("view", 0, 1, 0, 0, 0, frozenset())
POISON = [b"\xff", events_pb2.SubmissionChanged(work_key="w").SerializeToString()]


class Killed(Exception):
    pass


@dataclass
class MemoryLoading:
    """Loads into memory; dies before the writes of some numbers.

    Stores no more documents at once than fit, and loses every third answer to larger transactions.
    """

    deaths: set[int] = field(default_factory=set)
    fitting: int = 10**6
    stored: dict[tuple[str, Any], Any] = field(default_factory=dict)
    position: Document = field(default_factory=dict)
    end: int = 0
    runs: int = 0
    loaded: int = 0
    writes: int = 0

    def begin(self, lease: PartitionLease, end: int, runs: int) -> tuple[int, int, int]:
        self.end, self.runs = self.end or end, self.runs or runs
        return self.end, self.runs, self.loaded

    def put(self, lease: PartitionLease, written: int, chunk: Flush) -> None:
        self._maybe_die()
        assert written == self.loaded
        assert chunk.new_rows == chunk.rows.keys()
        assert not chunk.works
        found: dict[tuple[str, Any], Any] = {
            ("bundles", name): content for name, content in chunk.bundles.items()
        }
        found |= {("rows", key): value.cells() for key, value in chunk.rows.items()}
        found |= {("parked", key): key not in chunk.mended for key in chunk.parked}
        assert not found.keys() & self.stored.keys()
        is_too_large = len(found) > self.fitting
        if not is_too_large or self.writes % 3 == 0:
            self.stored |= found
            self.loaded += len(found)
        if is_too_large:
            raise NetworkTimeout("no answer in time")

    def of(self, kind: str) -> dict[Any, Any]:
        return {key: value for (name, key), value in self.stored.items() if name == kind}

    def works(self) -> dict[str, Any]:
        """What bundles and lists of units say, as a fold stores it: key -> `u`, `j`, `c`."""
        bundles = {name: bson.decode(content) for name, content in self.of("bundles").items()}
        works: dict[str, Any] = {}
        keys: dict[tuple[str, int], str] = {}
        for name, content in bundles.items():
            run, _, number = name.partition(".")
            for place, (key, sources) in enumerate(
                zip(content.get("k", ()), content.get("c", ()), strict=True)
            ):
                assert key not in works
                works[key] = {"u": [], "j": [], "c": sources}
                keys[run, int(number) * WORKS_PER_BUNDLE + place] = key
        for name, content in bundles.items():
            run, bar, unit_id = name.partition("|")
            for type_name, packed in content.items() if bar else ():
                assert list(unpack(packed)) == sorted(unpack(packed))
                for ordinal in unpack(packed):
                    work = works[keys[run, ordinal]]
                    if unit_id == JOINT:
                        work["j"] = sorted([*work["j"], type_name])
                    else:
                        work["u"] = sorted([*work["u"], f"{type_name}|{unit_id}"])
        return works

    def finish(self, lease: PartitionLease, written: int, position: Document) -> None:
        self._maybe_die()
        assert written == self.loaded
        self.position = position

    def note_read(self, lease: PartitionLease, records: int) -> None:
        pass

    def _maybe_die(self) -> None:
        self.writes += 1
        if self.writes in self.deaths:
            raise Killed


class MemoryLedger:
    """Keeps what the fold flushed, as the documents that the database would have."""

    def __init__(self) -> None:
        self.works_by_key: dict[str, Any] = {}
        self.rows_by_place: dict[Any, Any] = {}
        self.parked: dict[int, Any] = {}
        self.mended: set[int] = set()

    def works(self, lease: PartitionLease, keys: Sequence[str]) -> dict[str, list[bytes]]:
        return {k: self.works_by_key[k]["c"] for k in keys if k in self.works_by_key}

    def rows(self, lease: PartitionLease, keys: Sequence[tuple[str, int]]) -> dict[Any, Any]:
        return {k: PackedRow.of(self.rows_by_place[k]) for k in keys if k in self.rows_by_place}

    def commit(self, flush: Flush) -> None:
        self.works_by_key.update(flush.works)
        self.rows_by_place.update({place: row.cells() for place, row in flush.rows.items()})
        self.parked.update(flush.parked)
        self.mended.update(flush.mended)

    def parked_refs(self, lease: PartitionLease) -> list[ParkedRef]:
        return []


def history(seed: int, size: int) -> list[FakeRecord]:
    """A log with poison, marks of institutions, and everything that `logs.log` has."""
    dice = random.Random(seed)
    values: list[Any] = [r.value for r in log(size, seed)]
    for _ in range(dice.randint(0, 4)):
        values.insert(dice.randint(0, len(values)), dice.choice(POISON))
    for version in range(dice.randint(0, 3)):
        # Of a unit that nobody knows; a later version of it may be folded, or not.
        unknown = changed("lost", version + 1, "w", article(dice.choice(["absent", "alpha"])))
        values.insert(dice.randint(0, len(values)), unknown)
    for name in INSTITUTIONS[: dice.randint(0, 3)]:
        mark = events_pb2.LogRepublished(institution_id=name)
        values.insert(dice.randint(0, len(values)), mark)
    return [record(offset, value) for offset, value in enumerate(values)]


def folded(records: list[FakeRecord], batch: int) -> tuple[MemoryLedger, PartitionLease]:
    ledger = MemoryLedger()
    fold = PartitionFold(OWNED, real_catalogue(), ledger)
    for some in batches(records, batch):
        fold.apply(some)
    return ledger, fold.lease


def batches(records: list[FakeRecord], size: int) -> Iterable[list[FakeRecord]]:
    return [records[begin : begin + size] for begin in range(0, len(records), size)]


def cube(rows: Mapping[tuple[str, int], Any]) -> Cube:
    cube = Cube(real_catalogue())
    for (unit_id, month), row in rows.items():
        cube.put(0, unit_id, month, row)
    return cube


@DETERMINISTIC
@given(
    st.integers(0, 10**6),
    st.integers(1, 120),
    st.integers(1, 3),
    st.integers(1, 40),
    st.sets(st.integers(1, 12), max_size=4),
    st.integers(1, 30),
)
def test_a_rebuild_equals_the_fold(
    seed: int, size: int, shards: int, chunk: int, deaths: set[int], fitting: int
) -> None:
    """With poison and marks, in one or several shards, killed at several writes, and stored by a
    database that is too slow for large transactions."""
    later = history(seed, size)
    records = later[: max(1, len(later) - 5)]
    ledger, lease = folded(records, 17)
    loading, asked = MemoryLoading(deaths, fitting), shards
    end = len(records)

    def read(until: int) -> Iterable[list[FakeRecord]]:
        return batches(later[:until], 23)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_load, "CHUNK_DOCUMENTS", chunk)
        patch.setattr(shard, "CHUNK_WORKS", chunk)
        patch.setattr(shard, "CHUNK_LEADS", chunk)
        gather_all = here(OWNED, real_catalogue(), read)
        while not loading.position:
            try:
                rebuild(loading, OWNED, real_catalogue(), gather_all, end, shards)
            except Killed:
                # Whoever goes on may know of more, or take other shards, and must not mix it in.
                end, shards = end + 1, shards + 1
    assert loading.position == {
        "next_offset": lease.next_offset,
        "newest_event_ms": lease.newest_event_ms,
        "republished": sorted(lease.republished),
        "parked": lease.parked,
        "last_hash": lease.last_hash,
        "runs": asked,
    }
    assert loading.runs == asked
    assert loading.of("parked") == {at: at not in ledger.mended for at in ledger.parked}
    assert loading.works() == ledger.works_by_key
    rows = {place: row for place, row in ledger.rows_by_place.items() if row}
    assert loading.of("rows") == rows
    assert cube(loading.of("rows")).digest() == cube(rows).digest()
