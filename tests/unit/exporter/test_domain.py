"""What other exporters get wrong about lag, each case once."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from services.cli.admin.topics import load
from services.exporter.domain import (
    READERS,
    Disk,
    GroupPosition,
    LogFolder,
    broker_disks,
    lag_seconds,
    topic_bytes,
)
from services.kernel.kafka import Consume

SERVICES = Path(__file__).parents[3] / "services"

CASES = [
    # the case, position, begin, end, lag, outside
    ("nothing to do", 10, 0, 10, 0, False),
    ("some records wait", 4, 0, 10, 6, False),
    ("an idle topic that nobody ever wrote to", 0, 0, 0, 0, False),
    ("an idle topic whose records are all old", 10, 10, 10, 0, False),
    ("a group without a position is not 0", None, 0, 10, None, False),
    ("a group without a position on an empty topic", None, 0, 0, None, False),
    ("what is deleted cannot be handled: not the whole log", 2, 6, 10, 4, True),
    ("everything before the log's begin is gone", 2, 10, 10, 0, True),
    ("a position beyond the end is never negative", 12, 0, 10, 0, True),
    ("a recreated topic is empty", 12, 0, 0, 0, True),
]


@pytest.mark.parametrize(
    ("position", "begin", "end", "lag", "outside"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_lag_is(position: int | None, begin: int, end: int, lag: int | None, outside: bool) -> None:
    standing = GroupPosition(position, begin, end)
    assert standing.lag == lag
    assert standing.is_outside is outside


@pytest.mark.parametrize(
    ("standing", "written_at", "seconds"),
    [
        (GroupPosition(4, 0, 10), 40.0, 60.0),
        (GroupPosition(4, 0, 10), 140.0, 0.0),  # the writer's clock is ahead
        (GroupPosition(4, 0, 10), None, None),
        (GroupPosition(10, 0, 10), None, 0.0),
        (GroupPosition(None, 0, 10), None, None),
    ],
    ids=["age", "clock ahead", "unread", "nothing waits", "no position"],
)
def test_lag_in_seconds_is_the_age_of_the_oldest_record_that_waits(
    standing: GroupPosition, written_at: float | None, seconds: float | None
) -> None:
    assert lag_seconds(standing, written_at, 100.0) == seconds


def test_the_oldest_record_that_waits_is_one_that_is_still_there() -> None:
    assert GroupPosition(4, 0, 10).oldest == 4
    assert GroupPosition(2, 6, 10).oldest == 6
    assert GroupPosition(10, 0, 10).oldest is None
    assert GroupPosition(None, 0, 10).oldest is None


def test_a_topic_is_as_large_as_all_of_its_copies() -> None:
    folders = [LogFolder(1, {"a": 5, "b": 1}, None), LogFolder(2, {"a": 6}, None)]
    assert topic_bytes(folders) == {"a": 11, "b": 1}
    assert topic_bytes([]) == {}


def test_a_broker_is_as_full_as_the_fullest_of_its_disks() -> None:
    roomy, full, silent = Disk(100, 50), Disk(1000, 90), None
    folders = [LogFolder(1, {}, roomy), LogFolder(1, {}, full), LogFolder(2, {}, roomy)]
    assert broker_disks(folders) == {"broker-1": full, "broker-2": roomy}
    assert broker_disks(reversed(folders)) == {"broker-1": full, "broker-2": roomy}
    assert broker_disks([LogFolder(3, {}, silent)]) == {}


def test_every_consumer_of_every_service_is_watched() -> None:
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(SERVICES.glob("*/service.py")):
        module = importlib.import_module(f"services.{path.parent.name}.service")
        for service in vars(module).values():
            for _, method in inspect.getmembers(service, inspect.isfunction):
                for entrypoint in getattr(method, "nameko_entrypoints", ()):
                    if isinstance(entrypoint, Consume):
                        found[entrypoint.group] = entrypoint.topics
    assert found == READERS
    assert {topic for topics in READERS.values() for topic in topics} <= {t.name for t in load()}
