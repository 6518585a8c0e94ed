"""Compares the topics of a broker with the table of topics, and creates what is missing.

Brokers do not create topics automatically. `apply` creates missing topics and corrects settings. It
never changes the partitions or replicas of an existing topic: the partition of a record depends on
their number, and the positions of all views depend on the partitions.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from services.cli.client.stack import DEPLOY

TABLE = DEPLOY / "kafka" / "topics.yaml"
RENEW_POLL_SECONDS = 0.2
KEYS = {"partitions", "replication", "config"}

Aspect = Literal["topic", "partitions", "replication", "config"]


class TopicTableInvalid(ValueError):
    """Raised if the table of topics is not valid; the message names the topic and the key."""


@dataclass(frozen=True)
class Topic:
    """One topic as the table describes it; `config` maps names of Kafka settings to values."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """One difference between a broker and the table of topics.

    `wanted` is the value in the table, and `found` that on the broker, or empty if it has none.
    `setting` is the name of the Kafka setting if the aspect is "config", otherwise empty.
    """

    topic: str
    aspect: Aspect
    wanted: str
    found: str = ""
    setting: str = ""

    @property
    def is_repaired_by_apply(self) -> bool:
        """Whether `apply` removes the difference: True for missing topics and for settings."""
        return self.aspect in {"topic", "config"}

    @property
    def is_generous(self) -> bool:
        """Whether the broker has more partitions or replicas than the table; this is harmless."""
        is_number = self.aspect in {"partitions", "replication"}
        return is_number and int(self.found) > int(self.wanted)

    def __str__(self) -> str:
        """Return it as one line, e.g. `kieng.submissions.v1: partitions is 6, wanted 12`."""
        if self.aspect == "topic":
            return f"{self.topic}: missing"
        what = self.setting or self.aspect
        return f"{self.topic}: {what} is {self.found or 'not set'}, wanted {self.wanted}"


@dataclass(frozen=True)
class Applied:
    """The changes that `apply` made, and what remains.

    `created` and `reconfigured` are names of topics. `left` are the differences that remain, all in
    the numbers of partitions or replicas. `ids` maps the name of each topic to its id, a UUID with
    dashes.
    """

    created: tuple[str, ...]
    reconfigured: tuple[str, ...]
    left: tuple[Difference, ...]
    ids: Mapping[str, str]


def load(path: Path = TABLE, replication: int | None = None) -> tuple[Topic, ...]:
    """Read the table of topics and return its topics in order.

    Args:
        path: a YAML file like deploy/kafka/topics.yaml.
        replication: replicas of every topic, instead of the numbers in the table.

    Raises:
        TopicTableInvalid: the file is not such a table.
    """
    document = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    if not isinstance(document, dict) or set(document) != {"defaults", "topics"}:
        raise TopicTableInvalid(f"{path}: wanted exactly the keys defaults and topics")
    defaults = _row("defaults", document["defaults"])
    if set(defaults) != KEYS:
        raise TopicTableInvalid(f"{path}: defaults must have {', '.join(sorted(KEYS))}")
    override = {} if replication is None else {"replication": replication}
    return tuple(
        _topic(name, {**defaults, **_row(name, row), **override})
        for name, row in (document["topics"] or {}).items()
    )


def _row(name: str, row: Any) -> dict[str, Any]:
    """Return one row after checking its keys; an empty row means the defaults."""
    if not isinstance(row, dict | None) or (unknown := set(row or {}) - KEYS):
        wrong = f"unknown {', '.join(sorted(unknown))}" if isinstance(row, dict) else "not a map"
        raise TopicTableInvalid(f"{name}: {wrong}")
    return row or {}


def _topic(name: str, row: Mapping[str, Any]) -> Topic:
    """Return the topic of one row, with defaults filled in, after checking its values."""
    for key in ("partitions", "replication"):
        if type(row[key]) is not int or row[key] < 1:
            raise TopicTableInvalid(f"{name}: {key} must be a whole number from 1")
    if not isinstance(row["config"], dict):
        raise TopicTableInvalid(f"{name}: config must be a map")
    config = {str(setting): str(value) for setting, value in row["config"].items()}
    if row["replication"] > 2:
        # Otherwise an acknowledged record could have a single replica, and be lost with it.
        config.setdefault("min.insync.replicas", "2")
    return Topic(name, row["partitions"], row["replication"], config)


def plan(admin: KafkaAdminClient, table: Sequence[Topic]) -> list[Difference]:
    """Return the differences between a broker and a table, in table order, changing nothing.

    Raises:
        KafkaError: the broker does not answer.
    """
    live = _describe(admin, table)
    settings = _settings(admin, list(live))
    differences: list[Difference] = []
    for topic in table:
        found = live.get(topic.name)
        if found is None:
            differences.append(Difference(topic.name, "topic", wanted=topic.name))
        else:
            differences += _compare(topic, found, settings[topic.name])
    return differences


def apply(admin: KafkaAdminClient, table: Sequence[Topic]) -> Applied:
    """Create missing topics and correct settings; return what was changed.

    Safe to repeat and to run concurrently.

    Raises:
        KafkaError: the broker does not answer, or refuses a topic or a setting.
    """
    differences = plan(admin, table)
    by_name = {topic.name: topic for topic in table}
    missing = [by_name[change.topic] for change in differences if change.aspect == "topic"]
    created = _create(admin, missing) if missing else ()
    stale = [change for change in differences if change.aspect == "config"]
    for change in stale:
        wanted = {change.setting: change.wanted}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, change.topic, wanted)])
    return Applied(
        created=created,
        reconfigured=tuple(dict.fromkeys(change.topic for change in stale)),
        left=tuple(change for change in differences if not change.is_repaired_by_apply),
        ids=topic_ids(admin, table),
    )


def renew(admin: KafkaAdminClient, name: str, seconds: float = 30.0) -> bool:
    """Delete a topic and create it again, empty, with the same number of partitions and replicas.

    Return True if the topic does not exist or that succeeded within ``seconds``, otherwise False.

    Raises:
        KafkaError: the broker does not answer, or refuses.
    """
    table = [topic for topic in load() if topic.name == name]
    found = _describe(admin, table).get(name)
    if found is None:
        return True
    copies = min(len(partition["replica_nodes"]) for partition in found["partitions"])
    table = [replace(table[0], partitions=len(found["partitions"]), replication=copies)]
    admin.delete_topics([name])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # The broker answers before it has deleted the topic; until then the old one remains.
        if apply(admin, table).ids.get(name) not in (None, str(found["topic_id"])):
            return True
        time.sleep(RENEW_POLL_SECONDS)
    return False


def topic_ids(admin: KafkaAdminClient, table: Sequence[Topic]) -> dict[str, str]:
    """Return name -> id of the topics of a table that exist; a recreated topic has a new id.

    Raises:
        KafkaError: the broker does not answer.
    """
    live = _describe(admin, table)
    return {topic.name: str(live[topic.name]["topic_id"]) for topic in table if topic.name in live}


def copies(admin: KafkaAdminClient, table: Sequence[Topic]) -> int:
    """Return the highest number of replicas that any topic of a table has; 0 if no topic exists.

    Raises:
        KafkaError: the broker does not answer.
    """
    found = [
        len(partition["replica_nodes"])
        for topic in _describe(admin, table).values()
        for partition in topic["partitions"]
    ]
    return max(found, default=0)


def without_copies(admin: KafkaAdminClient, table: Sequence[Topic]) -> list[tuple[str, int, int]]:
    """Return (topic/number, replicas in sync, replicas) for each under-replicated partition.

    A partition without a leader is listed with 0 replicas in sync.

    Raises:
        KafkaError: the broker does not answer.
    """
    return [
        (f"{name}/{partition['partition_index']}", in_sync, len(partition["replica_nodes"]))
        for name, found in sorted(_describe(admin, table).items())
        for partition in found["partitions"]
        for in_sync in [len(partition["isr_nodes"]) if partition["leader_id"] >= 0 else 0]
        if in_sync < len(partition["replica_nodes"])
    ]


def _describe(admin: KafkaAdminClient, table: Sequence[Topic]) -> dict[str, Any]:
    """Return name -> kafka-python's description of the topics in a table that exist."""
    # All topics are listed, because a broker that creates topics on first use could create topics
    # that are asked for by name.
    wanted = {topic.name for topic in table}
    return {found["name"]: found for found in admin.describe_topics() if found["name"] in wanted}


def _settings(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return topic -> setting -> value in force, defaults included, of existing topics."""
    if not names:
        return {}
    # The settings are not named: the embedded broker drops the connection when they are.
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        name: {setting: str(entry["value"]) for setting, entry in answer.get(name, {}).items()}
        for name in names
    }


def _compare(topic: Topic, found: Any, settings: Mapping[str, str]) -> list[Difference]:
    """Return the differences between a topic of the table and the existing one."""
    partitions = found["partitions"]
    copies = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    shape = (
        Difference(topic.name, "partitions", str(topic.partitions), str(len(partitions))),
        Difference(topic.name, "replication", str(topic.replication), str(copies)),
        *(
            Difference(topic.name, "config", wanted, settings.get(setting, ""), setting)
            for setting, wanted in topic.config.items()
        ),
    )
    return [difference for difference in shape if difference.found != difference.wanted]


def _create(admin: KafkaAdminClient, missing: Sequence[Topic]) -> tuple[str, ...]:
    """Create topics and wait until they can be used; return the names of those created here."""
    # Asked one by one: with raise_errors kafka-python reports only the first error of a request.
    created = []
    for topic in missing:
        try:
            admin.create_topics(
                {
                    topic.name: {
                        "num_partitions": topic.partitions,
                        "replication_factor": topic.replication,
                        "configs": dict(topic.config),
                    }
                }
            )
            created.append(topic.name)
        except TopicAlreadyExistsError:
            pass
    admin.wait_for_topics([topic.name for topic in missing])
    return tuple(created)
