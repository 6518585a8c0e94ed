"""A view of three partitions is rebuilt and verified by three processes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from kafka import KafkaProducer

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2
from services.kpi.config import Settings
from services.kpi.domain.months import month_text
from services.kpi.log.reader import read_partition
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.oracle.recompute import CellKey, LogRecord, recompute
from services.kpi.rebuild.jobs import RebuildJobs
from services.kpi.rebuild.lifecycle import Failed
from services.kpi.rebuild.requests import decode_request
from services.kpi.store.documents import DATABASE
from services.kpi.store.views import View
from tests.conftest import RunningBroker
from tests.integration.kpi.api.test_catalogues import other_catalogue
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.waiting import wait_until

PARTITIONS = 3
EVENTS = 900
SECONDS = 90.0


@dataclass
class Rebuilt:
    """A view to be built beside a live one that has read the log, and what builds it."""

    stored: Stored
    message: catalogue_pb2.Catalogue
    view: View
    children: RebuildJobs
    log: list[LogRecord]
    """Every event; its run is the partition."""

    def partitions_of_children(self) -> list[list[int]]:
        """The partitions that the running processes were given, process by process."""
        given = []
        for child in self.children.running:
            view_id, ends = decode_request(child.request)
            assert view_id == self.view.view_id
            given.append(sorted(ends))
        return sorted(given)

    def is_folded(self) -> bool:
        """Go on until all processes have ended."""
        return self.children.fold(self.view, self.view.targets)

    def left(self) -> set[int]:
        """The partitions that do not stand where they should."""
        return set(self.stored.catalogues.view_progress(self.view.view_id).lag(self.view.targets))

    def differences(self) -> int:
        """How many cells the verifiers, each a process too, find to be wrong."""
        found: list[int] = []

        def is_verified() -> bool:
            said = self.children.verify(self.view, self.view.targets)
            found.extend([said.count] if said is not None else [])
            return said is not None

        wait_until(is_verified, SECONDS)
        return found[0]

    def cells(self) -> dict[int, dict[CellKey, int]]:
        """Partition -> its stored cells."""
        found: dict[int, dict[CellKey, int]] = {}
        for (partition, unit, month), row in self.stored.rows(self.view.view_id).items():
            cells = found.setdefault(partition, {})
            for (column, member), value in row.items():
                cells[unit, month_text(month), column, member] = value
        return found


@pytest.fixture
def rebuilt(stored: Stored, start_broker: Callable[[int], RunningBroker]) -> Iterator[Rebuilt]:
    broker = start_broker(PARTITIONS)
    bootstrap = broker.bootstrap
    stored.mongo.database(DATABASE)["views"].update_one(
        {"_id": stored.view.view_id}, {"$set": {"topic_id": broker.topic_ids[SUBMISSIONS]}}
    )
    written, ends = [], dict[int, int]()
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        for record in log(EVENTS):
            value, headers = record.value or b"", list(record.headers)
            key = events_pb2.SubmissionChanged.FromString(value).work_key.encode()
            place = producer.send(SUBMISSIONS, value, key, headers=headers).get(timeout=10)
            ends[place.partition] = place.offset + 1
            written.append(LogRecord(place.partition, value))
    settings = Settings(
        kafka_bootstrap=bootstrap, mongo_uri=stored.mongo.uri, rebuild_processes=PARTITIONS
    )
    for partition, end in ends.items():
        fold = stored.claimed(partition)
        for records in read_partition(settings, partition, 0, end):
            fold.apply(records)
    message = other_catalogue()
    view = stored.catalogues.build_beside(stored.catalogues.publish(message), None)
    assert view.targets == ends
    children = RebuildJobs(settings)
    yield Rebuilt(stored, message, view, children, written)
    children.stop()


def test_each_of_three_partitions_has_a_process_and_comes_out_as_in_sql(rebuilt: Rebuilt) -> None:
    assert not rebuilt.is_folded()
    assert rebuilt.partitions_of_children() == [[0], [1], [2]]
    wait_until(rebuilt.is_folded, SECONDS)
    assert rebuilt.left() == set()
    expected = recompute(rebuilt.log, rebuilt.message)
    assert expected.keys() == {0, 1, 2}
    assert rebuilt.cells() == expected
    assert rebuilt.differences() == 0


def test_of_three_processes_one_is_killed_and_only_its_partition_is_done_again(
    rebuilt: Rebuilt,
) -> None:
    assert not rebuilt.is_folded()
    (victim, *_) = rebuilt.children.running
    victim.process.kill()
    with pytest.raises(Failed, match="ended with code -9"):
        wait_until(rebuilt.is_folded, SECONDS)
    (left,) = rebuilt.left()
    targets = {left: rebuilt.view.targets[left]}
    assert not rebuilt.children.fold(rebuilt.view, targets)
    assert rebuilt.partitions_of_children() == [[left]]
    wait_until(lambda: rebuilt.children.fold(rebuilt.view, targets), SECONDS)
    assert rebuilt.cells() == recompute(rebuilt.log, rebuilt.message)
