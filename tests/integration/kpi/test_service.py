"""Aggregator and query as they run, between a real broker and a real database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import grpc
import pytest
from google.protobuf.message import Message

from kieng.directory.v1 import directory_pb2
from kieng.directory.v1 import events_pb2 as directory_events
from kieng.kpi.v1 import (
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    edition_service_pb2_grpc,
    kpi_service_pb2,
    kpi_service_pb2_grpc,
    target_service_pb2,
    target_service_pb2_grpc,
    view_pb2,
)
from kieng.submissions.v1 import events_pb2
from services.cli.backups.restore import drop
from services.kernel.container import NativeContainer
from services.kernel.grpc import GrpcServer
from services.kernel.mongo import Mongo
from services.kernel.publisher import Event, KafkaPublisher
from services.kpi.config import Settings
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.service import KpiAggregator, KpiQuery
from services.kpi.store.documents import DATABASE
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.kpi import tokens
from tests.integration.kpi.consent import agreed
from tests.unit.kpi.builders import article, catalogue_message, changed
from tests.waiting import wait_until

SELECTION = view_pb2.Selection(
    unit_ids=["root", "alpha", "beta"],
    indicator_codes=["KNW-03"],
    from_month="2025-01",
    to_month="2025-07",
)
Whole = dict[str, int]
BINDING = ("PublishCatalogue", "RollBackCatalogue", "OpenLogGeneration")


class Range(TypedDict):
    """Which cells an explanation is of."""

    indicator_code: str
    from_month: str
    to_month: str


RANGE = Range(indicator_code="KNW-03", from_month="2025-01", to_month="2025-07")


class Stack:
    """The two processes of the service in this one, and callers of every role."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.aggregator = NativeContainer(KpiAggregator, settings)
        self.query = NativeContainer(KpiQuery, settings)
        self.publisher: Any = None

    def start(self) -> None:
        for container in (self.query, self.aggregator):
            container.start()
        (server,) = [each for each in self.query.extensions if isinstance(each, GrpcServer)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
        self.publisher = next(
            each for each in self.aggregator.extensions if isinstance(each, KafkaPublisher)
        )

    def stop(self) -> None:
        self.channel.close()
        for container in (self.aggregator, self.query):
            container.stop()
            assert container.failure is None

    def call(
        self, name: str, request: Message, *roles: str, seconds: float = 10, of: str = "root"
    ) -> Any:
        stubs = (
            kpi_service_pb2_grpc.KpiServiceStub,
            catalogue_service_pb2_grpc.CatalogueServiceStub,
            target_service_pb2_grpc.TargetServiceStub,
            edition_service_pb2_grpc.EditionServiceStub,
        )
        made = (stub(self.channel) for stub in stubs)
        method = next(getattr(stub, name) for stub in made if hasattr(stub, name))
        metadata = tokens.credential(of, *(roles or ("auditor",)))
        answer = method(request, timeout=seconds, metadata=metadata)
        return (
            agreed(self.channel, answer, method, request, metadata) if name in BINDING else answer
        )

    def publish(self, *messages: Message, topic: str = SUBMISSIONS) -> None:
        self.publisher.publish(
            Event(
                event_id=str(number),
                topic=topic,
                key=getattr(message, "work_key", "") or "k",
                type=message.DESCRIPTOR.full_name,
                source=f"kieng/submissions/{getattr(message, 'institution_id', 'shared')}",
                value=message.SerializeToString(),
            )
            for number, message in enumerate(messages)
        )

    def publish_directory(self, version: int, units: Iterable[directory_pb2.Unit]) -> None:
        directory = directory_pb2.Directory(version=version, units=units)
        published = directory_events.DirectoryPublished(directory=directory)
        self.publish(published, topic="kieng.directory.v1")

    def kpis(self) -> Whole:
        request = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
        return {cell.unit_id: cell.verified.whole for cell in self.call("GetKpis", request).cells}

    def unready(self) -> str:
        waits = [getattr(each, "unready", "") for each in self.aggregator.entrypoints]
        return " ".join(filter(None, waits))


@contextmanager
def running(settings: Settings) -> Iterator[Stack]:
    stack = Stack(settings)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def fresh_settings(
    config: pytest.Config, broker: RunningBroker, mongo: RunningDatabase, directory: Path
) -> Settings:
    """Settings of an installation whose database is empty."""
    connection = Mongo(mongo.uri, 5000)
    drop(connection, DATABASE)
    connection.close()
    is_kafka = config.getoption("--broker") == "kafka"
    return Settings(
        kafka_bootstrap=broker.bootstrap,
        kafka_membership="group" if is_kafka else "sole",
        mongo_uri=mongo.uri,
        issuers_file=tokens.write_issuers(
            directory / "issuers.json", "root", "alpha", "beta", "gamma"
        ),
    )


@pytest.fixture
def settings(
    pytestconfig: pytest.Config,
    fresh_broker: RunningBroker,
    mongo: RunningDatabase,
    tmp_path: Path,
) -> Settings:
    return fresh_settings(pytestconfig, fresh_broker, mongo, tmp_path)


def publish_catalogue(stack: Stack) -> None:
    message = catalogue_message()
    stack.publish_directory(1, message.units)
    request = catalogue_service_pb2.PublishCatalogueRequest(
        indicators=message.indicators, taxonomies=message.taxonomies
    )

    def is_published() -> bool:
        try:
            return bool(stack.call("PublishCatalogue", request, "steward").view_id)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            return False

    wait_until(is_published)


def verified(submission: str, work_key: str, unit: str) -> events_pb2.SubmissionChanged:
    return changed(submission, 1, work_key, article(unit), article(unit))


def kpis_or_none(stack: Stack) -> Whole | None:
    try:
        return stack.kpis()
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return None


def lose_the_log(mongo: RunningDatabase) -> None:
    """The stored view is of another log than the one that the broker has."""
    connection = Mongo(mongo.uri, 5000)
    connection.database(DATABASE)["views"].update_many({}, {"$set": {"topic_id": "a lost log"}})
    connection.close()


def publish_three(stack: Stack) -> None:
    """A work of two units and a work of one, from three submissions, and wait until they count."""
    wait_until(lambda: "no catalogue" in stack.unready())
    publish_catalogue(stack)
    stack.publish(
        verified("s1", "doi:10.1/a", "alpha/sci"),
        verified("s2", "doi:10.1/a", "beta"),
        verified("s3", "doi:10.1/b", "beta/one"),
    )
    wait_until(lambda: kpis_or_none(stack) == {"root": 2, "alpha": 1, "beta": 2})


@pytest.fixture(scope="module")
def stack(
    pytestconfig: pytest.Config,
    fresh_broker: RunningBroker,
    mongo: RunningDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Processes that have read three submissions; a test adds none to the months of RANGE."""
    directory = tmp_path_factory.mktemp("service")
    with running(fresh_settings(pytestconfig, fresh_broker, mongo, directory)) as started:
        publish_three(started)
        yield started


def test_what_is_published_is_read(stack: Stack) -> None:
    assert stack.kpis() == {"root": 2, "alpha": 1, "beta": 2}
    assert stack.unready() == ""


def test_a_watcher_sees_what_is_published_later_and_stays_when_a_target_is_set(
    stack: Stack,
) -> None:
    selection = view_pb2.Selection()
    selection.CopyFrom(SELECTION)
    selection.from_month, selection.to_month = "2025-08", "2025-12"
    watched = stack.call(
        "WatchKpis", kpi_service_pb2.WatchKpisRequest(selection=selection), seconds=30
    )
    first = {cell.unit_id: cell.verified.whole for cell in next(watched).cells}
    assert first == {"root": 0, "alpha": 0, "beta": 0}
    target = target_service_pb2.Target(unit_id="alpha", indicator_code="KNW-03", year=2025, value=2)
    stack.call("SetTarget", target_service_pb2.SetTargetRequest(target=target), "steward")
    claim = article("alpha", issued_on="2025-09-01")
    stack.publish(changed("s4", 1, "doi:10.1/c", claim, claim))
    seen: Whole = {}
    for answer in watched:
        seen.update({cell.unit_id: cell.verified.whole for cell in answer.cells})
        if seen.get("alpha") == 1:
            break
    watched.cancel()
    assert seen["root"] == 1


def test_a_number_is_explained_by_its_works(stack: Stack) -> None:
    explained = stack.call("ExplainKpi", kpi_service_pb2.ExplainKpiRequest(unit_id="root", **RANGE))
    assert explained.value.whole == len(explained.works) == 2


def test_every_reason_why_a_claim_does_not_count_is_found(stack: Stack) -> None:
    request = kpi_service_pb2.ExplainAbsenceRequest(
        work_key="doi:10.1/b", unit_id="alpha", submission_id="s3", version=2, **RANGE
    )
    absent = stack.call("ExplainAbsence", request)
    reasons = [kpi_service_pb2.Finding.Reason.Name(f.reason)[7:] for f in absent.findings]
    assert reasons == ["OLDER_VERSION", "UNIT_NOT_BELOW"]
    assert (absent.counts, absent.findings[1].found) == (False, "beta/one")


def test_what_two_children_share_is_listed_and_makes_up_the_difference(stack: Stack) -> None:
    overlaps = stack.call("ListOverlaps", kpi_service_pb2.ListOverlapsRequest(**RANGE))
    assert [list(one.unit_ids) for one in overlaps.overlaps] == [["alpha", "beta"]]
    assert overlaps.sum_of_children - overlaps.whole == 1


def test_proofs_are_shown_to_their_institution_only(stack: Stack) -> None:
    """Seen by each institution as a viewer: of a work of both, and of one of alpha alone."""
    claims = [article(unit, issued_on="2024-05-01") for unit in ("alpha", "beta")]
    for claim in claims:
        claim.evidence_sha256.append(claim.unit_id)
    for number, claim in enumerate([*claims, claims[0]]):
        stack.publish(changed(f"p{number}", 1, f"doi:10.1/p{number // 2}", claim, claim))
    request = kpi_service_pb2.ExplainKpiRequest(
        unit_id="root", indicator_code="KNW-03", from_month="2024-05", to_month="2024-05"
    )

    def proofs(institution: str) -> list[list[str]]:
        works = stack.call("ExplainKpi", request, "viewer", of=institution).works
        return [[sha for c in work.claims for sha in c.evidence_sha256] for work in works]

    wait_until(lambda: proofs("alpha") == [["alpha"], ["alpha"]])
    assert proofs("beta") == [["beta"], []]
    assert proofs("root") == [[], []]
