"""A view that is not as SQL has it is refused by the real verifier, however much of it is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from kafka import KafkaProducer

from services.kpi.config import Settings
from services.kpi.rebuild.jobs import RebuildJobs
from services.kpi.rebuild.lifecycle import Rebuild
from services.kpi.store.documents import DATABASE
from services.kpi.store.rows import PackedRow, decode_row
from services.kpi.store.views import View
from tests.conftest import RunningBroker
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import catalogue_message

TOPIC = "kieng.submissions.v1"
LOG = log(400)
VERIFIED_SECONDS_MAX = 60.0
PIPE_BYTES = 65_536
CELLS_EACH = 40


@dataclass
class Loaded:
    """A view that real processes have loaded, and that is to be verified next."""

    stored: Stored
    building: Rebuild
    view_id: str

    @property
    def view(self) -> View:
        found = self.stored.catalogues.view(self.view_id)
        assert found is not None
        return found

    def step_until(self, is_there: Callable[[View], bool]) -> View:
        deadline, pause = time.monotonic() + VERIFIED_SECONDS_MAX, threading.Event()
        while not is_there(self.view):
            assert time.monotonic() < deadline, self.view
            self.building.step(self.view)
            pause.wait(0.05)
        return self.view

    def rows(self) -> list[dict[str, Any]]:
        return [row for row in self.stored.documents("cells") if row["v"] == self.view_id]

    def put(self, row: dict[str, Any]) -> None:
        self.stored.mongo.database(DATABASE)["cells"].replace_one({"_id": row["_id"]}, row)


@pytest.fixture
def loaded(stored: Stored, start_broker: Callable[[], RunningBroker]) -> Iterator[Loaded]:
    broker = start_broker()
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for record in LOG:
            headers = list(record.headers)
            producer.send(TOPIC, record.value, key=record.key, headers=headers, partition=0)
        producer.flush()
    # The view of the log that there is, from its beginning.
    stored.mongo.database(DATABASE)["views"].update_one(
        {"_id": stored.view.view_id}, {"$set": {"topic_id": broker.topic_ids[TOPIC]}}
    )
    stored.claimed().apply(LOG)
    message = type(catalogue_message())()
    message.CopyFrom(catalogue_message())
    del message.indicators[-1]
    version = stored.catalogues.publish(message)
    settings = Settings(kafka_bootstrap=broker.bootstrap, mongo_uri=stored.mongo.uri)
    children = RebuildJobs(settings)
    view = stored.catalogues.build_beside(version, None)
    made = Loaded(stored, Rebuild(stored.catalogues, children), view.view_id)
    made.step_until(lambda view: view.phase == "verifying")
    yield made
    children.stop()


def test_a_view_that_is_as_sql_has_it_goes_on(loaded: Loaded) -> None:
    loaded.step_until(lambda view: view.phase == "following")


def test_one_wrong_cell_is_named(loaded: Loaded) -> None:
    row = next(row for row in loaded.rows() if row["n"])
    column, value = next(iter(row["n"].items()))
    row["n"][column] = value + 7
    loaded.put(row)
    refused = loaded.step_until(lambda view: view.state != "building")
    assert refused.state == "refused"
    assert refused.reason.startswith("ORACLE_DIFFERS: 1 cells are not as in SQL: partition 0, ")
    assert f"{row['u']} " in refused.reason
    assert refused.reason.endswith(f"{column}: {value + 7}, SQL says {value}")


def test_more_wrong_cells_than_a_pipe_holds_refuse_the_view_too(loaded: Loaded) -> None:
    rows = loaded.rows()
    for row in rows:
        row["n"] |= {f"X-{number}:declared": 1 for number in range(CELLS_EACH)}
    # One of the few cells that are told has a name that alone fills the pipe of the child.
    first = min(rows, key=lambda row: (row["u"], row["m"]))
    first |= PackedRow.of({**decode_row(first), ("A:declared", "x" * PIPE_BYTES): 1}).fields()
    for row in rows:
        loaded.put(row)
    wrong = len(rows) * CELLS_EACH + 1
    assert wrong > 1000
    refused = loaded.step_until(lambda view: view.state != "building")
    assert refused.state == "refused"
    assert refused.reason.startswith(f"ORACLE_DIFFERS: {wrong} cells are not as in SQL: ")
