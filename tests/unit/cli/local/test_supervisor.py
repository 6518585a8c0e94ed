"""How often a dying process is started again, and what ends the whole stack."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.client.stack import SERVICES
from services.cli.commands.up import CATALOGUE, DIRECTORY
from services.cli.errors import DOWN, Failure
from services.cli.local.child_process import Child, Death
from services.cli.local.restart_policy import RESTARTS_MAX, RESTARTS_SECONDS, RestartPolicy
from services.cli.local.stack_processes import SERVICE_SECONDS, Launch, Plan
from services.cli.local.supervisor import Task, keep
from services.cli.local.tether import run_tethered
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang

STOP_SECONDS_MAX = 8.0


def test_pauses_grow_and_end() -> None:
    policy = RestartPolicy()
    assert [policy.pause(float(now)) for now in range(6)] == [1.0, 2.0, 4.0, 8.0, 16.0, None]


def test_old_deaths_are_forgotten() -> None:
    policy = RestartPolicy()
    for now in range(5):
        policy.pause(float(now))
    assert policy.pause(RESTARTS_SECONDS + 10) == 1.0


def test_the_error_of_a_task_comes_back_to_the_one_who_waits() -> None:
    def fail() -> None:
        raise ValueError("of the task")

    task = Task(fail)
    task.start()
    task.join()
    with pytest.raises(ValueError, match="of the task"):
        task.is_done()


class Part:
    """Stands for a child; dead from the start when it is told so."""

    def __init__(self, name: str, is_dead: bool = False) -> None:
        self.name, self.pid, self.log_path = name, 7, Path(f"{name}.log")
        self.starts = 0
        self._is_dead = is_dead

    def death(self) -> Death | None:
        return Death(self.name, -9, "its last words") if self._is_dead else None

    def start(self) -> None:
        self.starts += 1


def stack_of(parts: list[Part], services: list[Part]) -> Any:
    screen = Screen(Output.table, Lang.en)
    return SimpleNamespace(
        parts=parts, services=services, screen=screen, restarted=lambda child: None
    )


@pytest.mark.parametrize(
    ("name", "said"), [("broker", "the broker died"), ("database", "the database died")]
)
def test_the_death_of_a_part_ends_the_stack(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Failure) as failure:
        keep(stack_of([Part(name, is_dead=True)], []), lambda: None, stay=True)
    assert said in failure.value.message
    assert failure.value.exit_code == DOWN
    assert "its last words" in capsys.readouterr().err


def test_a_service_that_dies_again_and_again_ends_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.cli.local.restart_policy.PAUSE_SECONDS_MAX", 0.0)
    service = Part("kpi.query", is_dead=True)
    with pytest.raises(Failure, match=r"kpi\.query") as failure:
        keep(stack_of([Part("broker")], [service]), lambda: None, stay=True)
    assert service.starts == RESTARTS_MAX
    assert "kpi.query.log" in failure.value.message
    assert failure.value.exit_code == DOWN


@pytest.fixture
def handlers() -> Iterator[None]:
    """Gives the signals back to pytest."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


IGNORES = """
import signal
import socket
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()
"""


def not_deaf(child: Child) -> str:
    return "" if "deaf" in child.tail() else "no"


@pytest.mark.usefixtures("handlers")
def test_a_second_signal_ends_at_once_what_does_not_want_to_stop(tmp_path: Path) -> None:
    launch = Launch(Plan(tmp_path, DIRECTORY, CATALOGUE), Screen(Output.table, Lang.en))
    for group, name in ((launch.services, "kpi.query"), (launch.parts, "broker")):
        child = Child(name, (sys.executable, "-c", IGNORES), None, tmp_path / f"{name}.log")
        group.append(child)
        child.start()
        child.wait_until_ready(partial(not_deaf, child), 30)
    again = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    launch.screen.say = lambda *_, **__: again.start()  # type: ignore[method-assign]
    began = time.monotonic()
    launch.__exit__(None, None, None)
    assert time.monotonic() - began < SERVICE_SECONDS
    assert [child.poll() for child in (*launch.services, *launch.parts)] == [-signal.SIGKILL] * 2


@pytest.mark.usefixtures("handlers")
def test_a_stack_that_does_not_want_to_stop_has_ended_after_8_seconds(tmp_path: Path) -> None:
    launch = Launch(Plan(tmp_path, DIRECTORY, CATALOGUE), Screen(Output.table, Lang.en))
    for group, name in (
        *((launch.services, "kpi.query"), (launch.services, "submissions")),
        *((launch.parts, "broker"), (launch.parts, "database")),
    ):
        child = Child(name, (sys.executable, "-c", IGNORES), None, tmp_path / f"{name}.log")
        group.append(child)
        child.start()
        child.wait_until_ready(partial(not_deaf, child), 30)
    began = time.monotonic()
    launch.__exit__(None, None, None)
    assert time.monotonic() - began < STOP_SECONDS_MAX
    ended = [child.poll() for child in (*launch.services, *launch.parts)]
    assert ended == [-signal.SIGKILL] * 4


def test_only_the_process_that_signs_editions_gets_their_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIENG_EDITION_KEY", "from outside")
    monkeypatch.setenv("KIENG_EDITION_KEY_FILE", "from outside")
    monkeypatch.setattr(Child, "start", lambda child, start: None)
    monkeypatch.setattr(Child, "pid", 7)
    monkeypatch.setattr(Child, "wait_until_ready", lambda child, unready, seconds: None)
    launch = Launch(Plan(tmp_path, DIRECTORY, CATALOGUE), Screen(Output.table, Lang.en))
    launch._start_services(
        list(range(20_000, 20_000 + 2 * len(SERVICES))),
        "127.0.0.1:1",
        "mongodb://127.0.0.1:2",
        run_tethered,
    )
    given = {
        child.name: {name for name in child.env or {} if "EDITION_KEY" in name}
        for child in launch.services
    }
    assert given == {
        **{name: set() for name in SERVICES},
        "kpi.query": {"KIENG_EDITION_KEY_FILE"},
    }
    key = next(child.env for child in launch.services if child.name == "kpi.query")
    assert key is not None
    assert key["KIENG_EDITION_KEY_FILE"] == str(launch.stack.edition_key_file)


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        plan = Plan(tmp_path, DIRECTORY, CATALOGUE, ports=port - 1)
        launch = Launch(plan, Screen(Output.table, Lang.en))
        with pytest.raises(Failure) as told:
            launch.start()
    assert "taken by other programs: port" in told.value.message
    assert str(port) in told.value.message.split("of 127.0.0.1")[0]
    assert told.value.exit_code == DOWN
    assert launch.parts == []
