"""Compares the topics of a broker with the table of topics, and creates what is missing.

Topics are never created by use. `apply` creates what is missing and corrects settings; it never
changes the partitions or the copies of a live topic, because the key of a record decides its
partition, and the restart positions of every view depend on it.
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
    """The table of topics cannot be read; the message names the topic and the key."""


@dataclass(frozen=True)
class Topic:
    """One topic as the table wants it; `config` maps Kafka's own setting names to text."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """Where a broker is not as the table says.

    `setting` is the name of the differing setting when the aspect is "config", else empty. `found`
    is empty when there is nothing.
    """

    topic: str
    aspect: Aspect
    wanted: str
    found: str = ""
    setting: str = ""

    @property
    def is_repaired_by_apply(self) -> bool:
        """Whether `apply` removes the difference; the others need a migration."""
        return self.aspect in {"topic", "config"}

    @property
    def is_generous(self) -> bool:
        """Whether there is more of it than wanted: partitions or copies, chosen at installation."""
        is_number = self.aspect in {"partitions", "replication"}
        return is_number and int(self.found) > int(self.wanted)

    def __str__(self) -> str:
        """Return it as one readable line."""
        if self.aspect == "topic":
            return f"{self.topic}: missing"
        what = self.setting or self.aspect
        return f"{self.topic}: {what} is {self.found or 'not set'}, wanted {self.wanted}"


@dataclass(frozen=True)
class Applied:
    """What `apply` did.

    `created` and `reconfigured` are names of topics; `left` are the differences that stay, all of
    partitions and copies; `ids` maps every topic of the table to its id, a UUID with dashes.
    """

    created: tuple[str, ...]
    reconfigured: tuple[str, ...]
    left: tuple[Difference, ...]
    ids: Mapping[str, str]


def load(path: Path = TABLE, replication: int | None = None) -> tuple[Topic, ...]:
    """Read the table of topics.

    Args:
        path: a YAML file like deploy/kafka/topics.yaml.
        replication: copies of every topic, instead of what the table says.

    Raises:
        TopicTableInvalid: the file is not such a table.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
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
    """Check the keys of one row; an empty row means the defaults."""
    if not isinstance(row, dict | None) or (unknown := set(row or {}) - KEYS):
        wrong = f"unknown {', '.join(sorted(unknown))}" if isinstance(row, dict) else "not a map"
        raise TopicTableInvalid(f"{name}: {wrong}")
    return row or {}


def _topic(name: str, row: Mapping[str, Any]) -> Topic:
    """Check the values of one row with the defaults filled in."""
    for key in ("partitions", "replication"):
        if type(row[key]) is not int or row[key] < 1:
            raise TopicTableInvalid(f"{name}: {key} must be a whole number from 1")
    if not isinstance(row["config"], dict):
        raise TopicTableInvalid(f"{name}: config must be a map")
    config = {str(setting): str(value) for setting, value in row["config"].items()}
    if row["replication"] > 2:
        # Else an acknowledged record could be on the one copy that is lost.
        config.setdefault("min.insync.replicas", "2")
    return Topic(name, row["partitions"], row["replication"], config)


def plan(admin: KafkaAdminClient, table: Sequence[Topic]) -> list[Difference]:
    """Return where the broker differs from the table, in the table's order; changes nothing.

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
    """Create missing topics and correct settings; safe to run twice and beside itself.

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
    """Recreate a topic with the same partitions and replicas; return False on a timeout.

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
        # A broker deletes behind its answer; until it has, the old topic is still there.
        if apply(admin, table).ids.get(name) not in (None, str(found["topic_id"])):
            return True
        time.sleep(RENEW_POLL_SECONDS)
    return False


def topic_ids(admin: KafkaAdminClient, table: Sequence[Topic]) -> dict[str, str]:
    """Return the id of every topic of the table that exists; a recreated topic has a new id.

    Raises:
        KafkaError: the broker does not answer.
    """
    live = _describe(admin, table)
    return {topic.name: str(live[topic.name]["topic_id"]) for topic in table if topic.name in live}


def copies(admin: KafkaAdminClient, table: Sequence[Topic]) -> int:
    """Return how many copies the topics were made with: the most that any of them has.

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
    """Return each under-replicated partition: topic/number, replicas in sync, replicas.

    A partition without a leader has none in sync.

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
    """Return kafka-python's description of every topic of the table that exists."""
    # All topics are asked for: a broker that creates topics by use could create those named.
    wanted = {topic.name for topic in table}
    return {found["name"]: found for found in admin.describe_topics() if found["name"] in wanted}


def _settings(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the settings in force of live topics, defaults included."""
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
    """Return the differences of one live topic."""
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
    """Create topics and wait until they are usable; return those created by this call."""
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
