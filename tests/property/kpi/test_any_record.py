"""Whatever record stands in the log, every way to count comes to the same, and none ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kieng.submissions.v1 import events_pb2
from services.kernel.kafka import Record, event_type
from services.kpi.domain.cube import Cube
from services.kpi.log.file import FileRecord, read_log, write_log
from services.kpi.log.identity import event_hash
from services.kpi.offline.verification import verify
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.rebuild.bulk_load import here, rebuild
from services.kpi.rebuild.oracle_check import _values, recomputed
from services.kpi.rebuild.shard import ShardFold
from services.kpi.replay.memory_projection import MemoryProjection, ReplayBound
from services.kpi.store.writes import Flush
from services.kpi.wire.events import CHANGED, REPUBLISHED
from tests.integration.kpi.logs import log
from tests.property.kpi.test_rebuilding import (
    OWNED,
    MemoryLedger,
    MemoryLoading,
    batches,
    cube,
)
from tests.unit.kpi.builders import FakeRecord, catalogue_message, real_catalogue

CATALOGUE = real_catalogue()
EVENTS = [record.value or b"" for record in log(60, 7)]
MARK = events_pb2.LogRepublished(institution_id="alpha", generation=1).SerializeToString()
TYPES: tuple[bytes | None, ...] = (
    *(kind.encode() for kind in (CHANGED, REPUBLISHED, CHANGED.replace(".v1.", ".v2."))),
    *(None, b"", b"\xff", b"a b", b"x" * 300),
)
NAMES = ("ce_type", "ce_id", "ce_source", "ce_time", "traceparent", "ce_type ", "", "\ufffd")
CONTENTS = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.sampled_from(TYPES),
    st.sampled_from(
        [
            b"s:7:w",
            b"s:" + b"9" * 5000 + b":w",
            b"s:\xd9\xa9:w",
            b"0001-01-01T00:00:00+14:00",
            b"9999-12-31T23:59:59-14:00",
            b"2025-07-01",
            b"20250701T10",
        ]
    ),
)
SOURCES = st.sampled_from([b"kieng/submissions/" + name for name in (b"alpha", b"beta", b"gamma")])
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), CONTENTS), max_size=5)
VALUES = st.one_of(
    st.none(), st.binary(max_size=30), st.just(MARK), st.sampled_from(EVENTS), st.just(b"")
)
KEYS = st.one_of(st.none(), st.binary(max_size=4))
TIMES = st.one_of(st.just(1_750_000_000_000), st.integers(-(1 << 63), (1 << 63) - 1))


@st.composite
def logs(draw: Any) -> list[FakeRecord]:
    """Records of one partition: ordinary ones, and any others between them."""
    found: list[Any] = []
    for offset in range(draw(st.integers(1, 25))):
        headers: list[Any] = draw(HEADERS)
        if draw(st.booleans()):
            headers = [("ce_type", CHANGED.encode()), *headers]
        if draw(st.integers(0, 3)):
            headers = [("ce_source", draw(SOURCES)), *headers]
        record = FakeRecord(offset, draw(VALUES), headers)
        found.append(replace(record, key=draw(KEYS), timestamp=draw(TIMES)))
    return found


EXAMPLES = settings(max_examples=50, derandomize=True, deadline=None, database=None)
# Each plans 68 statements for each part.
SLOW_EXAMPLES = settings(EXAMPLES, max_examples=12 if "DEEP" in os.environ else 2)


def folded(
    records: list[FakeRecord], batch: int
) -> tuple[MemoryLedger, PartitionFold, list[Flush]]:
    ledger, flushes = MemoryLedger(), list[Flush]()
    fold = PartitionFold(OWNED, CATALOGUE, ledger, report=flushes.append)
    for some in batches(records, batch):
        fold.apply(some)
    return ledger, fold, flushes


@EXAMPLES
@given(logs(), st.integers(1, 9))
def test_every_record_is_folded_or_parked_or_counted_as_unknown(
    records: list[FakeRecord], batch: int
) -> None:
    ledger, fold, flushes = folded(records, batch)
    assert fold.lease.next_offset == len(records)
    skipped = sum(sum(flush.skipped.values()) for flush in flushes)
    others = [record for record in records if record.offset not in ledger.parked]
    known = [record for record in others if event_type(record) in (CHANGED, REPUBLISHED)]
    assert len(known) + skipped + len(ledger.parked) == len(records)
    assert all(0 < len(parked.reason) <= 500 for parked in ledger.parked.values())
    calendar = range(253_402_300_800_000)
    assert all(parked.recorded_ms in calendar for parked in ledger.parked.values())
    assert all(parked.version < 1 << 63 for parked in ledger.parked.values())
    assert fold.lease.newest_event_ms in calendar
    assert all(len(event_hash(record)) == 64 for record in records)


@EXAMPLES
@given(logs(), st.integers(1, 9), st.integers(1, 3))
def test_fold_rebuild_replay_and_the_verified_file_agree(
    records: list[FakeRecord], batch: int, shards: int
) -> None:
    ledger, fold, _ = folded(records, batch)
    digest = cube(ledger.rows_by_place).digest()

    loading = MemoryLoading()
    gather_all = here(OWNED, CATALOGUE, lambda until: batches(records[:until], batch))
    rebuild(loading, OWNED, CATALOGUE, gather_all, len(records), shards)
    assert cube(loading.of("rows")).digest() == digest
    assert loading.of("parked") == {at: at not in ledger.mended for at in ledger.parked}
    assert loading.position["newest_event_ms"] == fold.lease.newest_event_ms
    assert loading.position["last_hash"] == fold.lease.last_hash

    scratch = MemoryProjection(CATALOGUE, ReplayBound({0: len(records)}))
    scratch.take(records)
    assert (scratch.cube().digest(), scratch.progress().parked) == (digest, fold.lease.parked)

    file = BytesIO()
    write_log(
        (FileRecord(0, r.offset, r.timestamp, r.key, r.value, r.headers) for r in records), file
    )
    file.seek(0)
    found = verify(read_log(file), CATALOGUE)
    assert found == {
        "digest": digest,
        "progress": {"0": len(records)},
        "parked": fold.lease.parked,
    }


def sql(records: Sequence[Record], parts: int) -> Cube:
    found = recomputed(_values(iter([list(records)])), catalogue_message(), parts)
    expected = Cube(CATALOGUE)
    for (unit_id, month, column, member), value in found.items():
        year, number = month.split("-")
        expected.change(0, unit_id, int(year) * 12 + int(number) - 1, {(column, member): value})
    return expected


@SLOW_EXAMPLES
@given(logs(), st.integers(1, 3))
def test_sql_comes_to_the_same(records: list[FakeRecord], parts: int) -> None:
    ledger, _, _ = folded(records, 5)
    cube_of_sql = sql(records, parts)
    assert cube_of_sql.digest() == cube(ledger.rows_by_place).digest()


def test_sql_comes_to_the_same_when_the_events_of_a_work_have_different_keys() -> None:
    records = [replace(each, key=str(each.offset).encode()) for each in log(200, 7)]
    ledger, _, _ = folded(records, 50)
    cube_of_sql = sql(records, 3)
    assert cube_of_sql.digest() == cube(ledger.rows_by_place).digest()


def test_a_gathering_forgets_the_types_it_does_not_know() -> None:
    fold = ShardFold(OWNED, CATALOGUE)
    headers: Any = [("ce_type", b"a.v9.Later")]
    fold.apply([FakeRecord(0, b"", headers)])
    assert (fold.read, fold.flush.skipped, fold.parked) == (1, {}, 0)
