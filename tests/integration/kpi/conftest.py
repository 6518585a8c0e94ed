"""A database of the KPI service with a catalogue and an open view, empty at the start of a test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.backups.restore import drop
from services.kernel.mongo import Mongo
from services.kernel.publisher import Event
from services.kpi import process
from services.kpi.config import Settings
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.fold import CellKey
from services.kpi.projection.ownership import OwnedPartitions
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.query.live_view import LiveView
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.ledger import Ledger
from services.kpi.store.reads import Snapshots
from services.kpi.store.rows import decode_row
from services.kpi.store.targets import Targets
from services.kpi.store.views import View
from tests.conftest import RunningDatabase
from tests.forking import WORKERS, ForkedModule
from tests.unit.kpi.builders import FakeRecord, catalogue_message


@dataclass
class Stored:
    """The stored side of the service, and a view that is live."""

    mongo: Mongo
    catalogues: Catalogues
    ledger: Ledger
    view: View
    catalogue: Catalogue
    told: list[Event] = field(default_factory=list)
    """Events that the aggregator published, in order."""

    def aggregator(self) -> OwnedPartitions:
        """Return the partitions of an aggregator that owns none yet, without its container."""
        made: Any = OwnedPartitions()
        made.container = SimpleNamespace(settings=Settings())
        made.connection = SimpleNamespace(mongo=self.mongo)
        made.publisher = SimpleNamespace(publish=self.told.extend)
        made.setup()
        return made  # type: ignore[no-any-return]

    def open(self, topic_id: str) -> View:
        """Open the view of another log."""
        return self.catalogues.open(topic_id, 1)

    def claimed(
        self, partition: int = 0, view: View | None = None, **options: Any
    ) -> PartitionFold:
        """Become the owner of a partition."""
        lease = self.ledger.claim((view or self.view).view_id, partition)
        return PartitionFold(lease, self.catalogue, self.ledger, **options)

    def fresh(self) -> LiveView:
        """The view in memory as a process that starts now would have it."""
        live = LiveView(self.catalogues, Snapshots(self.mongo), Targets(self.mongo))
        live.refresh()
        return live

    def digest(self) -> str:
        with self.fresh().read() as state:
            return state.cube.digest()

    def documents(self, collection: str) -> list[dict[str, Any]]:
        return sorted(self.mongo.database(DATABASE)[collection].find({}), key=lambda d: d["_id"])

    def rows(self, view_id: str) -> dict[tuple[int, str, int], dict[CellKey, int]]:
        """All cells of a view that are not zero."""
        return {
            (d["p"], d["u"], d["m"]): decode_row(d)
            for d in self.documents("cells")
            if d["v"] == view_id and decode_row(d)
        }


def fold_in_batches(fold: PartitionFold, records: Iterable[FakeRecord], size: int) -> None:
    several = list(records)
    for begin in range(0, len(several), size):
        fold.apply(several[begin : begin + size])


@pytest.fixture(scope="session", autouse=True)
def _subprocesses_are_forks() -> Iterator[None]:
    """Subprocesses of the service in this process need not import everything again.

    That they start by themselves, too, is shown by test_process.py and by tests/e2e.
    """

    def start(command: Sequence[str], **options: Any) -> Any:
        *_, module = command
        if module in WORKERS:
            # At their parents' priority: other workers of pytest would leave them nothing.
            return ForkedModule(module, {**options["env"], "KIENG_SUBPROCESS_NICENESS": "0"})
        return subprocess.Popen(command, **options)

    with pytest.MonkeyPatch.context() as patch:
        given = {name: getattr(subprocess, name) for name in ("PIPE", "TimeoutExpired")}
        patch.setattr(process, "subprocess", SimpleNamespace(Popen=start, **given))
        yield


@pytest.fixture
def stored(mongo: RunningDatabase) -> Iterator[Stored]:
    with storing(mongo) as made:
        yield made


@contextmanager
def storing(mongo: RunningDatabase) -> Iterator[Stored]:
    """Empty the database, and make what the fixture `stored` has; for a module that shares one."""
    connection = Mongo(mongo.uri, 5000)
    drop(connection, DATABASE)
    declare(connection.database(DATABASE))
    catalogues = Catalogues(connection)
    message = type(catalogue_message())()
    message.CopyFrom(catalogue_message())
    catalogues.publish(message)
    view = catalogues.open("log-1", 1)
    yield Stored(connection, catalogues, Ledger(connection), view, catalogues.catalogue(1))
    connection.close()
