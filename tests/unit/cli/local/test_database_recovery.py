"""When the embedded database is started again, and that nothing of it ends `kieng up`."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from services.cli.admin import probes
from services.cli.client.stack import Process
from services.cli.commands.up import DIRECTORY
from services.cli.errors import Failure
from services.cli.local import database_recovery
from services.cli.local.child_process import ChildFailed
from services.cli.local.database_recovery import ROOM_BYTES, DatabaseRecovery
from services.cli.local.restart_policy import RESTARTS_MAX, RestartPolicy
from services.cli.local.stack_processes import Launch, Plan
from services.cli.terminal.screen import Screen
from services.texts import Lang


class Database:
    """The part of a stack that is mended, without a process."""

    name, pid = "database", 1

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.comes_back = True

    def stop(self, seconds: float) -> None:
        self.steps.append("stop")

    def start(self) -> None:
        self.steps.append("start")
        self.pid += 1

    def wait_until_ready(self, unready: object, seconds: float) -> None:
        if not self.comes_back:
            raise ChildFailed("it is not ready")


class Place:
    """What the recovery is told of the database and its disk."""

    def __init__(self) -> None:
        self.reason, self.free = "", ROOM_BYTES
        self.asked = threading.Event()

    def broken(self, uri: str) -> str:
        self.asked.set()
        return self.reason

    def room(self, launch: object) -> int:
        return self.free


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    made = Launch(Plan(tmp_path, DIRECTORY, DIRECTORY), Screen(lang=Lang.en))
    made.parts.append(Database())  # type: ignore[arg-type]
    made.stack.processes["database"] = Process(1, "database.log")  # type: ignore[index]
    return made


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def recovery(launch: Launch, place: Place, monkeypatch: pytest.MonkeyPatch) -> DatabaseRecovery:
    monkeypatch.setattr(database_recovery, "PROBE_SECONDS", 0.01)
    monkeypatch.setattr(RestartPolicy, "pause", pauses(RESTARTS_MAX))
    return DatabaseRecovery(launch, place.broken, place.room)


def pauses(most: int) -> Any:
    """A policy that never waits and gives up after so many times."""
    left = iter([0.0] * most)
    return lambda policy, now: next(left, None)


def wait_for(recovery: DatabaseRecovery, place: Place, *, well: bool) -> None:
    """Wait until the recovery has asked again and thinks so."""
    for _ in range(500):
        place.asked.clear()
        if recovery.is_well() is well:
            return
        place.asked.wait(0.02)
    raise AssertionError("it does not change its mind")


def test_a_broken_database_is_started_again_when_there_is_room(
    launch: Launch, recovery: DatabaseRecovery, place: Place
) -> None:
    (database,) = launch.parts
    recovery.start()
    assert place.asked.wait(5)
    assert recovery.is_well()
    place.reason, place.free = "panic", 0
    wait_for(recovery, place, well=False)
    assert not recovery.is_well()
    assert database.steps == [], "there is no room yet"  # type: ignore[attr-defined]
    place.free = ROOM_BYTES
    place.reason = ""
    assert recovery.is_well()
    assert database.steps == ["stop", "start"]  # type: ignore[attr-defined]
    assert recovery.is_well()
    recovery.stop()
    assert launch.stack.processes["database"].pid == database.pid == 2


def test_what_is_broken_is_said_loudly_and_once(launch: Launch, place: Place) -> None:
    said = io.StringIO()
    launch.screen.messages.file = said
    recovery = DatabaseRecovery(launch, place.broken, place.room)
    recovery._reason, place.free = "panic", 0
    assert not recovery.is_well()
    assert not recovery.is_well()
    text = " ".join(said.getvalue().split())
    assert text.count("BROKEN inside and will be started again: panic") == 1
    assert text.count("waiting until 32 MiB are free") == 1


def test_a_database_that_breaks_again_and_again_is_given_up(
    launch: Launch, recovery: DatabaseRecovery
) -> None:
    for _ in range(RESTARTS_MAX):
        recovery._reason = "panic"
        assert recovery.is_well()
    recovery._reason = "panic"
    with pytest.raises(Failure, match="does not come back"):
        recovery.is_well()


def test_a_database_that_does_not_come_back_is_given_up(
    launch: Launch, recovery: DatabaseRecovery
) -> None:
    launch.parts[0].comes_back = False  # type: ignore[attr-defined]
    recovery._reason = "panic"
    with pytest.raises(Failure, match="it is not ready"):
        recovery.is_well()


def test_a_database_of_others_is_not_asked(launch: Launch, place: Place) -> None:
    launch.parts.clear()
    recovery = DatabaseRecovery(launch, place.broken, place.room)
    recovery.start()
    assert recovery.is_well()
    assert not place.asked.is_set()


def test_a_process_id_that_cannot_be_written_is_told_and_no_more(
    launch: Launch, tmp_path: Path
) -> None:
    said = io.StringIO()
    launch.screen.messages.file = said
    (tmp_path / "stack.tmp").mkdir()
    launch.restarted(launch.parts[0])
    assert "cannot be written" in said.getvalue()


@pytest.mark.parametrize(
    ("error", "is_broken"),
    [
        (OperationFailure("internal server error", 1), True),
        (OperationFailure("not authorized", 13), False),
        (AutoReconnect("nobody there"), False),
        (None, False),
    ],
)
def test_broken_is_a_database_that_answers_and_refuses(
    error: Exception | None, is_broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        def __init__(self, uri: str, **options: int) -> None:
            pass

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def __getitem__(self, name: str) -> Client:
            return self

        def find_one(self) -> None:
            if error is not None:
                raise error

    monkeypatch.setattr(pymongo, "MongoClient", Client)
    assert bool(probes.database_broken("mongodb://x")) is is_broken
