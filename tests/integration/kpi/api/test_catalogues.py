"""Another catalogue takes over under load, and gives the place back, between real processes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2
from services.cli.commands import catalogue_reorganisation
from services.cli.local import embedded
from services.cli.local.child_process import ChildGroup, free_ports
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
    wait_until,
)
from tests.unit.kpi.builders import UNITS, article, catalogue_message, changed

__all__ = ["settings"]

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
    return stack.call("GetKpis", request).view


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
    (port,) = free_ports(1)
    database = embedded.secantus(port, tmp_path / "mongo", tmp_path / "database.log")
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
            loaded = [{"chunks": {"$gte": 1}}, {"next_offset": {"$gt": 0}}]
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


def test_a_reorganisation_is_shown_in_both_trees_and_split_exactly(settings: Settings) -> None:
    """alpha/eng ended and alpha/sci took over; one article is theirs together."""
    units = []
    for unit in catalogue_message().units:
        copy = type(unit)()
        copy.CopyFrom(unit)
        if copy.unit_id == "alpha/eng":
            copy.valid_to = "2025-02-28"
            copy.successor_ids.append("alpha/sci")
        units.append(copy)
    claims = [
        ("alpha/eng", "2025-01-10", "doi:10.1/e1"),
        ("alpha/eng", "2025-01-11", "doi:10.1/e2"),
        ("alpha/eng", "2025-01-12", "doi:10.1/both"),
        ("alpha/sci/lab", "2025-01-12", "doi:10.1/both"),
        ("alpha/sci", "2025-01-13", "doi:10.1/s1"),
        *[("alpha/sci", "2025-04-01", f"doi:10.1/n{number}") for number in range(7)],
    ]
    with running(settings) as stack:
        stack.publish_directory(1, units)
        message = catalogue_message()
        wait_until(lambda: published(stack, message, directory_version=1))
        for number, (unit, day, work) in enumerate(claims):
            claim = article(unit, issued_on=day)
            stack.publish(changed(f"s{number}", 1, work, claim, claim))
        at_rest(stack, len(claims))
        request = catalogue_service_pb2.CompareTreesRequest(
            unit_id="alpha/sci", indicator_codes=["KNW-03", "KNW-04"]
        )
        request.before.from_month, request.before.to_month = "2025-01", "2025-02"
        request.after.from_month, request.after.to_month = "2025-03", "2025-04"
        answer = stack.call("CompareTrees", request)
        assert list(answer.moved_unit_ids) == ["alpha/eng"]
        whole, fractions = (
            next(n for n in answer.numbers if (n.indicator_code, n.measure) == (code, VERIFIED))
            for code in ("KNW-03", "KNW-04")
        )
        # e1 and e2 are moved here; what both claimed counted here before already.
        assert (whole.as_was_before.whole, whole.as_was_after.whole) == (2, 7)
        assert (whole.as_is_before.whole, whole.as_is_after.whole) == (4, 7)
        found = catalogue_reorganisation.numbers_json(whole)
        assert (found["change"], found["reorganisation"], found["real"]) == (5, 2, 3)
        parts = catalogue_reorganisation.split(fractions)
        assert parts is not None
        assert parts == (Fraction(11, 2), Fraction(5, 2), Fraction(3))
        assert value_of(stack, "alpha/sci", "2025-01") == 2

        view_id = publish(stack, message, directory_version=1, tree=TREE_AS_IS)
        assert followed(stack, view_id).state == View.STATE_LIVE
        wait_until(lambda: info(stack).view_id == view_id)
        assert value_of(stack, "alpha/sci", "2025-01") == 4
        assert stack.call("CompareTrees", request).numbers == answer.numbers


VERIFIED = kpi_service_pb2.MEASURE_VERIFIED
TREE_AS_IS = catalogue_service_pb2.TREE_AS_IS


def value_of(stack: Stack, unit: str, month: str) -> int:
    selection = view_pb2.Selection(
        unit_ids=[unit], indicator_codes=["KNW-03"], from_month=month, to_month=month
    )
    request = kpi_service_pb2.GetKpisRequest(selection=selection)
    (cell,) = stack.call("GetKpis", request).cells
    return int(cell.verified.whole)


EVERYTHING = view_pb2.Selection(from_month="2025-01", to_month="2025-12")
Numbers = dict[tuple[str, str, str], str]


def numbers(stack: Stack) -> Numbers:
    """Every number of the live view over a year: (unit, indicator, measure) -> value as text."""
    request = kpi_service_pb2.GetKpisRequest(selection=EVERYTHING)
    request.selection.unit_ids.extend(UNITS)
    return {
        (cell.unit_id, cell.indicator_code, measure): str(getattr(cell, measure)).strip()
        for cell in stack.call("GetKpis", request).cells
        for measure in ("declared", "verified")
    }


def tried(stack: Stack, message: catalogue_pb2.Catalogue) -> list[catalogue_service_pb2.CellChange]:
    request = catalogue_service_pb2.TryCatalogueRequest(
        indicators=message.indicators,
        taxonomies=message.taxonomies,
        from_month=EVERYTHING.from_month,
        to_month=EVERYTHING.to_month,
    )
    steps = list(stack.call("TryCatalogue", request, "steward", seconds=60))
    assert [step.HasField("result") for step in steps] == [False] * (len(steps) - 1) + [True]
    assert steps[-1].events_done == steps[-1].events_wanted > 0
    return [change for step in steps for change in step.changes]


def test_what_a_catalogue_would_change_is_what_it_changes_when_it_is_published(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack, closing(Mongo(mongo.uri, 5000)) as connection:
        publish_catalogue(stack)
        stack.publish(
            *[events_pb2.SubmissionChanged.FromString(r.value or b"") for r in log(300)],
            changed("only", 1, "doi:10.1/only", *[article("gamma", indexes=[])] * 2),
        )
        at_rest(stack, 301)
        before, stored = numbers(stack), counts(connection)
        assert tried(stack, catalogue_message()) == []
        changes = tried(stack, other_catalogue())
        assert counts(connection) == stored
        (gamma,) = [
            c
            for c in changes
            if (c.unit_id, c.indicator_code, c.measure)
            == ("gamma", "KNW-03", kpi_service_pb2.MEASURE_VERIFIED)
        ]
        assert gamma.after.whole - gamma.before.whole == gamma.works == 1
        assert list(gamma.work_keys) == ["doi:10.1/only"]

        assert followed(stack, publish(stack, other_catalogue())).state == View.STATE_LIVE
        wait_until(lambda: "-c2-" in info(stack).view_id)
        after = numbers(stack)
        told: dict[tuple[str, str, str], tuple[str, str]] = {}
        for change in changes:
            measure = kpi_service_pb2.Measure.Name(change.measure).removeprefix("MEASURE_").lower()
            place = (change.unit_id, change.indicator_code, measure)
            told[place] = (str(change.before).strip(), str(change.after).strip())
        found = {
            place: (before.get(place, ""), after.get(place, ""))
            for place in before.keys() | after.keys()
            if before.get(place, NOTHING) != after.get(place, NOTHING)
        }
        # A number that goes away and was nothing is no change.
        assert {p: values for p, values in found.items() if is_something(values)} == told


NOTHING = "whole: 0"


def is_something(values: tuple[str, str]) -> bool:
    return not set(values) <= {"", NOTHING, "ratio {\n}"}


def counts(connection: Mongo) -> dict[str, int]:
    database = connection.database(DATABASE)
    return {name: database[name].count_documents({}) for name in database.list_collection_names()}


def test_a_tree_that_lacks_a_unit_is_refused_until_the_records_are_accepted(
    settings: Settings,
) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        claim = article("gamma")
        stack.publish(*[changed(f"s{n}", 1, f"w{n}", claim, claim) for n in range(3)])
        at_rest(stack, 3)
        without = catalogue_message().units
        message = other_catalogue()
        del message.units[:]
        message.units.extend(unit for unit in without if unit.unit_id != "gamma")
        stack.publish_directory(2, message.units)
        view_id = wait_until(lambda: published(stack, message, directory_version=2))
        refused = followed(stack, view_id)
        assert refused.state == View.STATE_REFUSED
        assert refused.parked == 3
        assert "PARKS_MORE: 3 records" in refused.reason
        assert info(stack).view_id != view_id
        accepted = published(stack, message, directory_version=2, parked_max=3)
        assert followed(stack, accepted).state == View.STATE_LIVE
        wait_until(lambda: info(stack).parked == 3)


def published(stack: Stack, message: catalogue_pb2.Catalogue, **more: Any) -> str | None:
    """The view, or None while the directory has not arrived."""
    try:
        return publish(stack, message, **more)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise
        return None


def test_there_is_nothing_to_roll_back_to_at_first(settings: Settings) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        with pytest.raises(grpc.RpcError, match="no view answered before"):
            roll_back(stack)
