"""The table of rights gives each service what its code reads and writes, and nothing beside it."""

from __future__ import annotations

import pytest
import yaml

from services.cli.admin.acls import TABLE
from services.kernel.kafka import Consume
from services.kernel.runner import find_service

PROCESSES = {
    "submissions": "submissions",
    "partners": "partners",
    "kpi-aggregator": "kpi.aggregator",
    "kpi-query": "kpi.query",
    "notifications": "notifications",
}
PUBLISHED = {
    "submissions": {"kieng.submissions.v1"},
    "partners": {"kieng.directory.v1", "kieng.partners.v1"},
    "kpi-aggregator": {"kieng.kpi.v1"},
    "kpi-query": {"kieng.kpi.v1"},
    "notifications": {"kieng.notifications.v1"},
}
READ_OUTSIDE_A_GROUP = {"kpi-query": {"kieng.submissions.v1"}}
"""Replays."""
LOG = "kieng.submissions.v1"
USERS = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)["users"]


def consumed(process: str) -> list[Consume]:
    service, _ = find_service(process)
    members = (getattr(service, name) for name in dir(service))
    entrypoints = (each for member in members for each in getattr(member, "nameko_entrypoints", ()))
    return [each for each in entrypoints if isinstance(each, Consume)]


@pytest.mark.parametrize("user", PROCESSES)
def test_a_service_may_do_what_its_code_does(user: str) -> None:
    consumers = consumed(PROCESSES[user])
    topics = {topic for each in consumers for topic in each.topics}
    row = USERS[user]
    assert set(row.get("read", ())) == topics | READ_OUTSIDE_A_GROUP.get(user, set())
    assert set(row["write"]) == PUBLISHED[user] | {f"{topic}.dlq" for topic in topics}
    assert set(row.get("groups", ())) == {each.group for each in consumers}


def test_every_user_is_a_process_and_one_writes_the_log() -> None:
    assert set(USERS) == {*PROCESSES, "exporter"}
    writers = [
        user for user, row in USERS.items() if "kieng.submissions.v1" in row.get("write", ())
    ]
    assert writers == ["submissions"]
