"""What a broker lacks of the table is found, and only what is safe is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kafka.errors import TopicAlreadyExistsError

from services.cli.admin.topics import Topic, TopicTableInvalid, apply, load, plan

FOREVER = {"retention.ms": "-1"}
TABLE = (
    Topic("kieng.a.v1", partitions=1, replication=1, config=FOREVER),
    Topic("kieng.b.v1", partitions=3, replication=1, config=FOREVER),
)


class FakeAdmin:
    """A broker's topics in a dict; the integration tests hold it against two real brokers."""

    def __init__(self) -> None:
        self.topics: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []

    def create_topics(self, topics: dict[str, dict[str, Any]]) -> None:
        for name, wanted in topics.items():
            if name in self.topics:
                raise TopicAlreadyExistsError
            self.topics[name] = {**wanted, "id": f"id-{len(self.topics)}"}
            self.changes.append(f"create {name}")

    def wait_for_topics(self, names: list[str]) -> None:
        assert set(names) <= set(self.topics)

    def describe_topics(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "topic_id": topic["id"],
                "partitions": [{"replica_nodes": [1] * topic["replication_factor"]}]
                * topic["num_partitions"],
            }
            for name, topic in self.topics.items()
        ]

    def describe_configs(self, resources: list[Any], config_filter: str) -> dict[str, Any]:
        assert config_filter == "all"
        assert all(resource.configs is None for resource in resources)
        return {
            "topic": {
                resource.name: {
                    key: {"value": value}
                    for key, value in self.topics[resource.name]["configs"].items()
                }
                for resource in resources
            }
        }

    def alter_configs(self, resources: list[Any]) -> None:
        for resource in resources:
            self.topics[resource.name]["configs"].update(resource.configs)
            self.changes.append(f"alter {resource.name} {resource.configs}")


def test_an_empty_broker_lacks_every_topic() -> None:
    found = plan(FakeAdmin(), TABLE)
    assert [str(difference) for difference in found] == [
        "kieng.a.v1: missing",
        "kieng.b.v1: missing",
    ]


def test_planning_changes_nothing() -> None:
    admin = FakeAdmin()
    plan(admin, TABLE)
    assert admin.changes == []


def test_applying_creates_what_is_missing_and_returns_the_ids() -> None:
    admin = FakeAdmin()
    applied = apply(admin, TABLE)
    assert applied.created == ("kieng.a.v1", "kieng.b.v1")
    assert applied.ids == {"kieng.a.v1": "id-0", "kieng.b.v1": "id-1"}
    assert plan(admin, TABLE) == []


def test_applying_twice_changes_nothing_the_second_time() -> None:
    admin = FakeAdmin()
    first = apply(admin, TABLE)
    admin.changes.clear()
    second = apply(admin, TABLE)
    assert admin.changes == []
    assert (second.created, second.reconfigured, second.left) == ((), (), ())
    assert second.ids == first.ids


def test_partitions_and_copies_of_a_live_topic_are_reported_and_left() -> None:
    admin = FakeAdmin()
    apply(admin, (Topic("kieng.b.v1", partitions=1, replication=2, config=FOREVER),))
    applied = apply(admin, TABLE)
    assert [str(difference) for difference in applied.left] == [
        "kieng.b.v1: partitions is 1, wanted 3",
        "kieng.b.v1: replication is 2, wanted 1",
    ]
    assert admin.topics["kieng.b.v1"]["num_partitions"] == 1


def test_a_retention_set_by_hand_is_corrected() -> None:
    admin = FakeAdmin()
    apply(admin, TABLE)
    admin.topics["kieng.a.v1"]["configs"] = {"retention.ms": "604800000"}
    applied = apply(admin, TABLE)
    assert applied.reconfigured == ("kieng.a.v1",)
    assert admin.topics["kieng.a.v1"]["configs"] == FOREVER


def test_topics_of_others_are_not_looked_at() -> None:
    admin = FakeAdmin()
    admin.create_topics({"theirs": {"num_partitions": 9, "replication_factor": 1, "configs": {}}})
    assert {difference.topic for difference in plan(admin, TABLE)} == {"kieng.a.v1", "kieng.b.v1"}
    assert "theirs" not in apply(admin, TABLE).ids


def test_a_topic_somebody_else_creates_meanwhile_is_not_an_error() -> None:
    class Overtaken(FakeAdmin):
        def create_topics(self, topics: dict[str, dict[str, Any]]) -> None:
            super().create_topics(topics)
            super().create_topics(topics)

    applied = apply(Overtaken(), TABLE)
    assert applied.created == ()
    assert set(applied.ids) == {"kieng.a.v1", "kieng.b.v1"}


def test_the_real_table_keeps_every_record_for_ever() -> None:
    table = load()
    assert {topic.name for topic in table} == {
        *("kieng.submissions.v1", "kieng.submissions.v1.dlq", "kieng.directory.v1"),
        *("kieng.directory.v1.dlq", "kieng.partners.v1", "kieng.partners.v1.dlq"),
        *("kieng.kpi.v1", "kieng.kpi.v1.dlq", "kieng.notifications.v1"),
    }
    for topic in table:
        assert (topic.partitions, topic.replication) == (1, 1)
        assert topic.config == {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
        }


def test_three_copies_require_two_before_a_record_is_acknowledged() -> None:
    for topic in load(replication=3):
        assert topic.replication == 3
        assert topic.config["min.insync.replicas"] == "2"


def test_a_row_overrides_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(
        "defaults: {partitions: 1, replication: 1, config: {}}\n"
        "topics: {a: {partitions: 6, replication: 3}, b: }\n"
    )
    first, second = load(path)
    assert (first.partitions, first.replication) == (6, 3)
    assert (second.partitions, second.replication) == (1, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "wanted exactly the keys defaults and topics"),
        ("defaults: {partitions: 1}\ntopics: {}", "defaults must have config, partitions, repl"),
        (
            "defaults: {partitions: 1, replication: 1, config: {}}\ntopics: {a: {partition: 3}}",
            "a: unknown partition",
        ),
        (
            "defaults: {partitions: 1, replication: 1, config: {}}\ntopics: {a: {partitions: 0}}",
            "a: partitions must be a whole number from 1",
        ),
        (
            "defaults: {partitions: 1, replication: 1, config: {}}\ntopics: {a: {config: x}}",
            "a: config must be a map",
        ),
        (
            "defaults: {partitions: 1, replication: 1, config: {}}\ntopics: {a: 3}",
            "a: not a map",
        ),
    ],
)
def test_a_slip_in_the_table_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "topics.yaml"
    path.write_text(text)
    with pytest.raises(TopicTableInvalid, match=complaint):
        load(path)
