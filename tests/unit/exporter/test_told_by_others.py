"""What brokers and databases tell of their disks, in the forms that their versions have."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import IncompatibleBrokerVersion
from pymongo.errors import OperationFailure

from services.exporter.domain import Disk, LogFolder
from services.exporter.log import LogWatch
from services.exporter.storage import DatabaseSize, database_sizes, ping

TOPICS = [
    {"name": "kieng.a", "partitions": [{"partition_size": 3}, {"partition_size": 4}]},
    {"name": "of somebody else", "partitions": [{"partition_size": 9}]},
]


class Admin:
    """Answers as kafka-python's client does."""

    def __init__(self, **told: Any) -> None:
        self._folder = {"log_dir": "/data", "topics": TOPICS, **told}

    def describe_log_dirs(self) -> list[dict[str, Any]]:
        return [{"broker": 7, "log_dirs": [self._folder]}]


class OldAdmin:
    def describe_log_dirs(self) -> None:
        raise IncompatibleBrokerVersion


class Databases:
    """Answers as a client of MongoDB does."""

    def __init__(self, **told: Any) -> None:
        self.client = self.admin = self
        self._told = {"storageSize": 10.0, "indexSize": 2.0, "objects": 3.0, **told}

    def list_database_names(self) -> list[str]:
        return ["admin", "kieng_kpi"]

    def database(self, name: str) -> Databases:
        assert name == "kieng_kpi"
        return self

    def command(self, name: str) -> dict[str, Any]:
        return self._told


def watch(admin: object) -> LogWatch:
    made = object.__new__(LogWatch)
    made._admin = admin
    return made


@pytest.mark.parametrize(
    ("told", "disk"),
    [
        ({"total_bytes": 100, "usable_bytes": 30}, Disk(100, 30)),
        ({"total_bytes": 100, "usable_bytes": 0}, Disk(100, 0)),
        ({"total_bytes": -1, "usable_bytes": -1}, None),
        ({}, None),
    ],
    ids=["told", "full", "folder is offline", "Kafka before 3.3"],
)
def test_a_log_folder_is(told: dict[str, int], disk: Disk | None) -> None:
    assert watch(Admin(**told)).folders() == [LogFolder(7, {"kieng.a": 7}, disk)]


def test_a_broker_that_cannot_tell_has_no_folders() -> None:
    assert watch(OldAdmin()).folders() == []


@pytest.mark.parametrize(
    ("told", "disk"),
    [
        ({"fsTotalSize": 1000.0, "fsUsedSize": 400.0}, Disk(1000, 600)),
        ({"fsTotalSize": 1000.0, "fsUsedSize": 0.0}, Disk(1000, 1000)),
        ({}, None),
    ],
    ids=["told", "empty", "embedded"],
)
def test_a_database_tells_its_disk(told: dict[str, float], disk: Disk | None) -> None:
    found = database_sizes(Databases(**told))  # type: ignore[arg-type]
    assert found == ({"kieng_kpi": DatabaseSize(10, 2, 3)}, disk)


class Refusing(Databases):
    """Answers a ping and refuses to read."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._code = code

    def database(self, name: str) -> Refusing:
        return self

    def __getitem__(self, name: str) -> Refusing:
        return self

    def find_one(self) -> None:
        raise OperationFailure("refused", self._code)


def test_a_database_that_is_broken_inside_does_not_answer_and_one_that_hides_does() -> None:
    with pytest.raises(OperationFailure):
        ping(Refusing(1))  # type: ignore[arg-type]
    ping(Refusing(13))  # type: ignore[arg-type]
