"""A real database that is frozen in the middle of flushes, or answers later the more it is sent."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pymongo import monitoring
from pymongo.errors import NetworkTimeout

from services.kernel import mongo as kernel_mongo
from services.kernel.mongo import DOWN, Mongo
from services.kpi.projection.flush_size import RECORDS_FIRST, FlushSize
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.ledger import Flush, Ledger
from tests.conftest import RunningDatabase
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.pausing import paused

LOG = log(450)
SOCKET_TIMEOUT_MS = 400
FITTING_DOCUMENTS = 60


class LimitedLedger(Ledger):
    """The database answers in time only what is small; what is larger is never stored."""

    timeouts = 0

    def commit(self, flush: Flush) -> None:
        if len(flush.works) + len(flush.rows) > FITTING_DOCUMENTS:
            self.timeouts += 1
            raise NetworkTimeout("no answer in time")
        super().commit(flush)


def catch_up(stored: Stored, ledger: Ledger, size: FlushSize) -> int:
    """Fold the log; return how often the partition was claimed again after an error."""
    for claims in range(60):
        try:
            lease = ledger.claim(stored.view.view_id, 0)
            fold = PartitionFold(lease, stored.catalogue, ledger, size=size)
            while fold.lease.next_offset < len(LOG):
                begin = fold.lease.next_offset
                fold.apply(LOG[begin : begin + size.records])
            return claims
        except DOWN:
            continue
    raise AssertionError("it does not progress")


def test_a_database_for_which_flushes_are_too_large_is_filled_by_smaller_ones(
    stored: Stored,
) -> None:
    stored.claimed(view=stored.open("log-2")).apply(LOG)
    size, ledger = FlushSize(), LimitedLedger(stored.mongo)
    claims = catch_up(stored, ledger, size)
    assert claims == ledger.timeouts > 0
    assert size.records < RECORDS_FIRST
    assert rows_of(stored, "g1") == rows_of(stored, "g2")


def rows_of(stored: Stored, generation: str) -> Any:
    (view_id,) = (v.view_id for v in stored.catalogues.views() if v.view_id.startswith(generation))
    return stored.rows(view_id)


class Freezer(monitoring.CommandListener):
    """Freezes the database when every third bulk of works is sent, until the sender gave up."""

    def __init__(self, pid: int) -> None:
        self.pid, self.bulks, self.frozen = pid, 0, 0
        self._given_up = threading.Event()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if "works" not in (event.command.get("insert"), event.command.get("update")):
            return
        self.bulks += 1
        if self.bulks % 3 == 0:
            self.frozen += 1
            self._given_up.clear()
            pausing = threading.Event()

            def freeze() -> None:
                with paused(self.pid):
                    pausing.set()
                    assert self._given_up.wait(30)

            threading.Thread(target=freeze).start()
            assert pausing.wait(30)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._given_up.set()


def test_a_database_that_is_frozen_now_and_then_is_filled_and_nothing_counts_twice(
    stored: Stored, mongo: RunningDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not mongo.pid:
        pytest.skip("--mongo: the process of that database is not ours to freeze")
    stored.claimed(view=stored.open("log-2")).apply(LOG)
    monkeypatch.setattr(kernel_mongo, "SOCKET_TIMEOUT_MS", SOCKET_TIMEOUT_MS)
    freezer = Freezer(mongo.pid)
    monkeypatch.setattr(monitoring, "_LISTENERS", monitoring._Listeners([], [], [], [], []))
    monitoring.register(freezer)
    connection = Mongo(mongo.uri, 5000)
    try:
        size = FlushSize()
        claims = catch_up(stored, Ledger(connection), size)
    finally:
        connection.close()
    assert freezer.frozen >= 1
    assert claims >= freezer.frozen
    assert rows_of(stored, "g1") == rows_of(stored, "g2")
