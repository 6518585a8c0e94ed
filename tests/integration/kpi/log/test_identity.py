"""Topics made anew, truncated, expiring: each is noticed, said, and repaired from full states."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.producer import KafkaProducer

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2
from kieng.submissions.v1 import events_pb2
from services.cli.admin import topics
from services.cli.backups.restore import drop
from services.kernel.errors import Unavailable
from services.kernel.kafka import Record
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.log.identity import beginnings, describe_log, divergence, event_hash
from services.kpi.log.reader import read_whole
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.store.documents import DATABASE
from tests.conftest import RunningBroker, RunningDatabase
from tests.integration.kpi import tokens
from tests.integration.kpi.test_service import (
    SELECTION,
    Stack,
    kpis_or_none,
    publish_catalogue,
    running,
    verified,
)
from tests.unit.kpi.builders import INSTITUTIONS
from tests.waiting import wait_until

FULL = {"root": 2, "alpha": 1, "beta": 2}


@pytest.fixture
def log(start_broker: Callable[[], RunningBroker]) -> RunningBroker:
    """A broker of this test alone."""
    return start_broker()


@pytest.fixture
def settings(
    pytestconfig: pytest.Config, log: RunningBroker, mongo: RunningDatabase, tmp_path: Path
) -> Settings:
    with closing(Mongo(mongo.uri, 5000)) as connection:
        drop(connection, DATABASE)
    is_kafka = pytestconfig.getoption("--broker") == "kafka"
    return Settings(
        kafka_bootstrap=log.bootstrap,
        kafka_membership="group" if is_kafka else "sole",
        mongo_uri=mongo.uri,
        issuers_file=tokens.write_issuers(
            tmp_path / "issuers.json", "root", "alpha", "beta", "gamma"
        ),
    )


@pytest.fixture
def only_kafka(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--broker") != "kafka":
        pytest.skip("the embedded broker can neither delete records nor report settings")


def write(bootstrap: str, *values: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        for value in values:
            headers = [("ce_type", b"t")]
            producer.send(SUBMISSIONS, value, b"k", headers=headers, partition=0).get(timeout=10)


def written(settings: Settings) -> list[Record]:
    return [r for records in read_whole(settings) for r in records if r.partition == 0]


def set_up(settings: Settings, *settings_of_topic: tuple[str, str]) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
        wanted = dict(settings_of_topic)
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SUBMISSIONS, wanted)])


def test_the_log_that_was_folded_is_recognised_and_others_are_not(settings: Settings) -> None:
    write(settings.kafka_bootstrap, b"one", b"two", b"three")
    records = written(settings)
    assert divergence(settings, 0, 0, "") == ""
    for record in records:
        assert divergence(settings, 0, record.offset + 1, event_hash(record)) == ""
    assert "holds another event" in divergence(settings, 0, 2, event_hash(records[2]))
    # A view of an earlier release knows no hash; its position is still checked.
    assert divergence(settings, 0, 2, "") == ""
    assert "ends before offset 3" in divergence(settings, 0, 4, event_hash(records[2]))
    assert "ends before offset 99" in divergence(settings, 0, 100, "")


def test_settings_that_keep_events_are_safe_or_not_reported(settings: Settings) -> None:
    found = describe_log(settings)
    assert found.unsafe == ""
    assert beginnings(settings, range(found.partitions)) == dict.fromkeys(
        range(found.partitions), 0
    )


def test_a_broker_that_is_down_is_no_divergence(settings: Settings) -> None:
    absent = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    for look in (
        lambda: describe_log(absent),
        lambda: beginnings(absent, [0]),
        lambda: divergence(absent, 0, 5, ""),
    ):
        with pytest.raises(Unavailable):
            look()


@pytest.mark.usefixtures("only_kafka")
def test_deleted_records_are_missed_when_they_were_not_folded(settings: Settings) -> None:
    write(settings.kafka_bootstrap, *(b"%d" % i for i in range(10)))
    records = written(settings)
    delete_before(settings, 6)
    assert "records 4 to 5 of partition 0 are gone" in divergence(
        settings, 0, 4, event_hash(records[3])
    )
    assert divergence(settings, 0, 6, event_hash(records[5])) == ""
    assert divergence(settings, 0, 7, event_hash(records[6])) == ""
    assert "another event" in divergence(settings, 0, 7, event_hash(records[0]))
    assert beginnings(settings, [0]) == {0: 6}


def delete_before(settings: Settings, offset: int) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
        admin.delete_records({TopicPartition(SUBMISSIONS, 0): offset})


def trouble(stack: Stack) -> str:
    request = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
    return str(stack.call("GetKpis", request).view.log_trouble)


def digest(stack: Stack) -> str:
    request = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
    return str(stack.call("GetKpis", request).view.digest)


def publish_states(stack: Stack) -> None:
    stack.publish(
        verified("s1", "doi:10.1/a", "alpha/sci"),
        verified("s2", "doi:10.1/a", "beta"),
        verified("s3", "doi:10.1/b", "beta/one"),
    )


def come_back(stack: Stack) -> None:
    """Open a generation and publish the states again, as `kieng log republish` does."""
    request = catalogue_service_pb2.OpenLogGenerationRequest()
    opened = stack.call("OpenLogGeneration", request, "operator")
    assert opened.needs_republish
    assert opened.generation == 2
    publish_states(stack)
    marks = [
        events_pb2.LogRepublished(institution_id=name, generation=opened.generation)
        for name in INSTITUTIONS
    ]
    stack.publish(*marks)
    wait_until(lambda: trouble(stack) == "" and stack.unready() == "")


@pytest.mark.usefixtures("only_kafka")
def test_a_topic_made_anew_under_a_running_fold_is_noticed_and_filled_again(
    settings: Settings,
) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        publish_states(stack)
        wait_until(lambda: kpis_or_none(stack) == FULL)
        before = digest(stack)
        with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
            admin.delete_topics([SUBMISSIONS])
            wait_until(lambda: SUBMISSIONS not in admin.list_topics())
            topics.apply(admin, topics.load())
        # Long enough for the old offset to exist in the new topic.
        write(settings.kafka_bootstrap, *[b"x"] * 20)
        wait_until(lambda: "LOG_DIVERGED" in trouble(stack), 60)
        wait_until(lambda: "kieng log republish" in stack.unready())
        assert stack.kpis() == FULL
        come_back(stack)
        assert stack.kpis() == FULL
        assert digest(stack) == before


@pytest.mark.usefixtures("only_kafka")
def test_a_truncated_log_is_noticed_and_filled_again_in_the_same_topic(settings: Settings) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        publish_states(stack)
        wait_until(lambda: kpis_or_none(stack) == FULL)
        before = digest(stack)
    write(settings.kafka_bootstrap, b"lost", b"lost too", b"kept")
    records = written(settings)
    delete_before(settings, records[-1].offset)
    with running(settings) as stack:
        wait_until(lambda: kpis_or_none(stack) == FULL)
        wait_until(lambda: "LOG_DIVERGED" in trouble(stack))
        assert stack.kpis() == FULL
        come_back(stack)
        assert stack.kpis() == FULL
        assert digest(stack) == before


@pytest.mark.usefixtures("only_kafka")
def test_a_log_that_expires_is_not_folded_until_its_settings_are_mended(
    settings: Settings,
) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        publish_states(stack)
        wait_until(lambda: kpis_or_none(stack) == FULL)
    set_up(settings, ("retention.ms", "3600000"), ("cleanup.policy", "compact"))
    assert describe_log(settings).unsafe == "cleanup.policy=compact, retention.ms=3600000"
    with running(settings) as stack:
        wait_until(lambda: "LOG_UNSAFE" in stack.unready())
        wait_until(lambda: kpis_or_none(stack) == FULL)
        wait_until(lambda: "kieng topics apply" in trouble(stack))
        set_up(settings, ("retention.ms", "-1"), ("cleanup.policy", "delete"))
        wait_until(lambda: trouble(stack) == "" and stack.unready() == "")


def test_a_broker_that_lost_its_log_is_noticed_and_filled_again(
    settings: Settings, start_broker: Callable[[], RunningBroker]
) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        publish_states(stack)
        wait_until(lambda: kpis_or_none(stack) == FULL)
        before = digest(stack)
    empty = settings.model_copy(update={"kafka_bootstrap": start_broker().bootstrap})
    with running(empty) as stack:
        wait_until(lambda: kpis_or_none(stack) == FULL)
        wait_until(lambda: "LOG_DIVERGED" in trouble(stack))
        come_back(stack)
        assert digest(stack) == before
