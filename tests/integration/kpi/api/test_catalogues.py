"""Another catalogue takes over under load, and gives the place back, between real processes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2
from services.cli.local import embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.domain.digest import Digest
from services.kpi.log.reader import read_partition
from services.kpi.rebuild.oracle_check import Cells, recomputed
from services.kpi.rebuild.provider import ViewBuilder
from services.kpi.store.documents import DATABASE
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.kpi.logs import log
from tests.integration.kpi.test_service import (
    SELECTION,
    Stack,
    publish_catalogue,
    running,
    settings,
)
from tests.unit.kpi.builders import article, catalogue_message, changed
from tests.waiting import wait_until

__all__ = ["settings"]

pytestmark = pytest.mark.slow

View = catalogue_service_pb2.View


@pytest.fixture
def fresh_broker(start_broker: Callable[[], RunningBroker]) -> RunningBroker:
    """A log of its own for every test, or the records of one would count in the next."""
    return start_broker()


def other_catalogue() -> catalogue_pb2.Catalogue:
    """Articles of any kind count for KNW-03, and two indicators are gone."""
    message = catalogue_pb2.Catalogue()
    message.CopyFrom(catalogue_message())
    for indicator in list(message.indicators):
        if indicator.code in ("TRI-02", "COM-01"):
            message.indicators.remove(indicator)
        elif indicator.code == "KNW-03":
            indicator.value.ClearField("where")
    return message


def publish(stack: Stack, message: catalogue_pb2.Catalogue, **more: Any) -> str:
    request = catalogue_service_pb2.PublishCatalogueRequest(
        indicators=message.indicators, taxonomies=message.taxonomies, **more
    )
    return str(stack.call("PublishCatalogue", request, "steward").view_id)


def roll_back(stack: Stack) -> str:
    request = catalogue_service_pb2.RollBackCatalogueRequest()
    return str(stack.call("RollBackCatalogue", request, "steward").view_id)


def followed(stack: Stack, view_id: str) -> View:
    """The last word of the stream about a view, whose done events never become fewer."""
    request = catalogue_service_pb2.FollowViewRequest(view_id=view_id)
    done, view = 0, View()
    for answer in stack.call("FollowView", request, "steward", seconds=90):
        view = answer.view
        assert view.view_id == view_id
        assert view.events_done >= done or view.phase == View.PHASE_LOADING
        done = view.events_done
    return view


def info(stack: Stack) -> view_pb2.ViewInfo:
    request = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
    view: view_pb2.ViewInfo = stack.call("GetKpis", request).view
    return view


def vector(view: view_pb2.ViewInfo) -> dict[int, int]:
    return {p.partition: p.next_offset for p in view.progress}


def expected_digest(
    settings: Settings, message: catalogue_pb2.Catalogue, at: dict[int, int]
) -> str:
    """What SQL makes of the log up to a position."""
    cells: Cells = {}
    for partition, end in at.items():
        values = (
            (record.key or b"", record.value or b"")
            for records in read_partition(settings, partition, 0, end)
            for record in records
        )
        for cell, value in recomputed(values, message, parts=1).items():
            cells[cell] = cells.get(cell, 0) + value
    digest = Digest()
    for cell, value in cells.items():
        digest.replace(*cell, 0, value)
    return digest.hex()


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[RunningDatabase]:
    """A database of its own for every test: emptying one of two views takes longer than a start."""
    with own_database(tmp_path) as database:
        yield database


@contextmanager
def own_database(directory: Path) -> Iterator[RunningDatabase]:
    (port,) = free_ports(1)
    database = embedded.secantus(port, directory / "mongo", directory / "database.log")
    with ChildGroup() as supervisor:
        supervisor.start(database.child, database.unready, embedded.DATABASE_READY_SECONDS)
        yield RunningDatabase(database.uri, database.child.pid)


@dataclass
class Load:
    """Publishes claims one after the other, and reads all the while as a portal does."""

    stack: Stack
    stopping: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    seen: list[view_pb2.ViewInfo] = field(default_factory=list)

    def write(self) -> None:
        while not self.stopping.wait(0.01):
            self.sent += 1
            claim = article("alpha" if self.sent % 2 else "beta/one")
            self.stack.publish(changed(f"l{self.sent}", 1, f"doi:10.1/l{self.sent}", claim, claim))

    def read(self) -> None:
        while not self.stopping.wait(0.02):
            self.seen.append(info(self.stack))


@contextmanager
def load(stack: Stack) -> Iterator[Load]:
    made = Load(stack)
    threads = [threading.Thread(target=work) for work in (made.write, made.read)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        for thread in threads:
            thread.join()


def at_rest(stack: Stack, records: int) -> view_pb2.ViewInfo:
    """The view when it has read everything."""

    def there() -> view_pb2.ViewInfo | None:
        try:
            view = info(stack)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return None  # the first view is not read yet
        return view if sum(vector(view).values()) == records else None

    return wait_until(there)


def check_reads(seen: list[view_pb2.ViewInfo]) -> None:
    """No reader saw a position go back, or two digests of one view at one position."""
    digests: dict[tuple[str, tuple[tuple[int, int], ...]], str] = {}
    last: dict[int, int] = {}
    for view in seen:
        here = vector(view)
        assert all(here.get(partition, 0) >= offset for partition, offset in last.items()), view
        last = here
        at = (view.view_id, tuple(sorted(here.items())))
        assert digests.setdefault(at, view.digest) == view.digest


def test_a_catalogue_takes_over_under_load_and_gives_the_place_back(settings: Settings) -> None:
    first, second = catalogue_message(), other_catalogue()
    with running(settings) as stack:
        publish_catalogue(stack)
        past = [events_pb2.SubmissionChanged.FromString(r.value or b"") for r in log(400)]
        stack.publish(*past)
        before = at_rest(stack, len(past))
        assert before.digest == expected_digest(settings, first, vector(before))

        with load(stack) as busy:
            wait_until(lambda: busy.sent > 20)
            view_id = publish(stack, second)
            assert view_id == "g1-c2-f" + before.view_id.rpartition("f")[2]
            assert info(stack).view_id == before.view_id
            took_over = followed(stack, view_id)
            assert (took_over.state, took_over.reason) == (View.STATE_LIVE, "")
            wait_until(lambda: busy.seen[-1].view_id == view_id)
            since = busy.sent
            wait_until(lambda: busy.sent > since + 20)
        check_reads(busy.seen)
        records = len(past) + busy.sent
        after = at_rest(stack, records)
        assert after.view_id == view_id
        assert after.digest == expected_digest(settings, second, vector(after))

        with load(stack) as busy:
            back = followed(stack, roll_back(stack))
            assert (back.view_id, back.state) == (before.view_id, View.STATE_LIVE)
            wait_until(lambda: busy.seen and busy.seen[-1].view_id == before.view_id)
        check_reads(busy.seen)
        records += busy.sent
        rolled_back = at_rest(stack, records)
        assert rolled_back.digest == expected_digest(settings, first, vector(rolled_back))

        # At rest, there and back: the same view at the same position has the same digest.
        assert followed(stack, roll_back(stack)).view_id == view_id
        assert followed(stack, roll_back(stack)).view_id == before.view_id
        wait_until(lambda: info(stack) == rolled_back)


def test_a_rebuild_that_is_killed_goes_on_while_the_live_view_is_folded(
    settings: Settings, mongo: RunningDatabase
) -> None:
    """SIGKILL as soon as it runs, when it has begun to load, and between two chunks."""
    second = other_catalogue()
    with running(settings) as stack, closing(Mongo(mongo.uri, 5000)) as connection:
        publish_catalogue(stack)
        said = [events_pb2.SubmissionChanged.FromString(r.value or b"") for r in log(1600)]
        stack.publish(*said)
        at_rest(stack, len(said))
        progress = connection.database(DATABASE)["progress"]
        view_id = publish(stack, second)
        with load(stack) as busy:
            loaded = [{"written": {"$gte": 1}}, {"next_offset": {"$gt": 0}}]
            for reached in ({}, {"end": {"$exists": True}}, {"$or": loaded}):
                wait_until(lambda: progress.find_one({"v": view_id, **reached}), 60)  # noqa: B023
                live = vector(info(stack))
                children = builder(stack).children.running
                for child in children:
                    child.process.send_signal(signal.SIGKILL)
                # The live view goes on meanwhile.
                wait_until(lambda: vector(info(stack)) != live)  # noqa: B023
            assert followed(stack, view_id).state == View.STATE_LIVE
            wait_until(lambda: busy.seen[-1].view_id == view_id)
        check_reads(busy.seen)
        after = at_rest(stack, len(said) + busy.sent)
        assert after.digest == expected_digest(settings, second, vector(after))


def builder(stack: Stack) -> ViewBuilder:
    found = (each for each in stack.aggregator.dependencies if isinstance(each, ViewBuilder))
    return next(found)


def published(stack: Stack, message: catalogue_pb2.Catalogue, **more: Any) -> str | None:
    """The view, or None while the directory has not arrived."""
    try:
        return publish(stack, message, **more)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise
        return None
