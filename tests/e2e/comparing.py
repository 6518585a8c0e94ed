"""Every cell of a running stack against the SQL oracle, at the position where the view stands.

Nothing of the services takes part but the stored documents: the log is read from the broker, the
records are counted by the oracle, and absent and zero cells have to agree, too. So has the number
of records that cannot be counted, which is found out a second time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from services.kernel.kafka import header
from services.kernel.mongo import Mongo
from services.kpi.domain.months import month_text
from services.kpi.oracle.recompute import CellKey, LogRecord, recompute
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.reads import Snapshots, StoredRow
from tests.e2e.readable import Written, look_through
from tests.e2e.running import RunningStack

TOPIC = "kieng.submissions.v1"
READ_SECONDS_MAX = 60.0


class Comparison:
    """Compares one stack again and again; reads only the records that came since.

    Args:
        stack: the stack.
        measured: told what was compared, and how long it took.
    """

    def __init__(self, stack: RunningStack, measured: Callable[[str], None]) -> None:
        self._stack = stack
        self._measured = measured
        self._view_id = ""
        self._positions: dict[int, int] = {}
        self._read: dict[int, int] = {}
        self._records: list[Written] = []
        self.comparisons = 0

    def check(self) -> None:
        """Fail when a stored cell differs from the oracle's; costs nothing when nothing moved."""
        began = time.monotonic()
        with closing(Mongo(self._stack.stack.mongo, 5000)) as mongo:
            catalogues, snapshots = Catalogues(mongo), Snapshots(mongo)
            live = catalogues.live()
            assert live is not None, "no view is live"
            progress, rows = snapshots.changes(live.view_id, {})
            if (live.view_id, progress.next_offsets) == (self._view_id, self._positions):
                return
            message = catalogues.message(live.catalogue_version)
        if live.view_id != self._view_id:
            self._read, self._records = dict(live.begins), []
        self._view_id, self._positions = live.view_id, dict(progress.next_offsets)
        self._read_until(self._positions)
        read = [r for r in self._records if r.offset < self._positions[r.partition]]
        log = look_through(read, {unit.unit_id for unit in message.units})
        assert progress.parked == log.waiting, f"{log.waiting} records wait, not {progress.parked}"
        expected = recompute((LogRecord(0, v) for v in log.countable), message).get(0, {})
        found = stored_cells(rows)
        wrong = {key for key in {*expected, *found} if expected.get(key) != found.get(key)}
        assert not wrong, [(key, expected.get(key), found.get(key)) for key in sorted(wrong)[:20]]
        self.comparisons += 1
        seconds = time.monotonic() - began
        told = f"{len(found)} cells, {len(log.countable)} events equal, {log.waiting} parked"
        self._measured(f"oracle: {told}, in {seconds:.1f} s")

    def _read_until(self, positions: dict[int, int]) -> None:
        consumer = KafkaConsumer(
            bootstrap_servers=self._stack.stack.broker,
            auto_offset_reset="none",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
        )
        with closing(consumer):
            places = {p: TopicPartition(TOPIC, p) for p, end in positions.items() if end}
            consumer.assign(list(places.values()))
            for partition, place in places.items():
                consumer.seek(place, self._read.get(partition, 0))
            deadline = time.monotonic() + READ_SECONDS_MAX
            while any(self._read.get(p, 0) < positions[p] for p in places):
                assert time.monotonic() < deadline, f"the log is not read: {self._read}"
                for place, records in consumer.poll(timeout_ms=200, max_records=5000).items():
                    for record in records:
                        kind, identity = header(record, "ce_type"), header(record, "ce_id")
                        where = place.partition, record.offset
                        self._records.append(Written(*where, kind, identity, record.value or b""))
                    self._read[place.partition] = records[-1].offset + 1


def stored_cells(rows: list[StoredRow]) -> dict[CellKey, int]:
    """Return the cells of all partitions together, without zeros."""
    cells: dict[CellKey, int] = {}
    for row in rows:
        for (column, member), value in row.cells.items():
            key = (row.unit_id, month_text(row.month), column, member)
            cells[key] = cells.get(key, 0) + value
    return {key: value for key, value in cells.items() if value}
