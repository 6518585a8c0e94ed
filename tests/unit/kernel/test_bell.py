"""Whoever has news wakes the processes of this machine that listen for it, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from services.kernel.bell import PIPE, Bell, Ringer
from services.kernel.config import KernelSettings

SECONDS_MAX = 10
RING = """
import sys
from pathlib import Path
from types import SimpleNamespace
from services.kernel.bell import Bell
bell = Bell()
bell.container = SimpleNamespace(settings=SimpleNamespace(bell_folder=Path(sys.argv[1])))
bell.ring(*sys.argv[2:])
"""


def bell(folder: Path | None) -> Bell:
    made = Bell()
    made.container = SimpleNamespace(settings=KernelSettings(bell_folder=folder))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bell"


def test_another_process_wakes_who_listens_for_its_news_and_nobody_else(folder: Path) -> None:
    heard, other = Event(), Event()
    listener = bell(folder)
    listener.listen(heard, ["log", "directory"])
    listener.listen(other, ["mail"])
    listener.start()
    subprocess.run([sys.executable, "-c", RING, str(folder), "new", "log"], check=True)
    assert heard.wait(SECONDS_MAX)
    assert not other.is_set()
    listener.stop()
    assert [*folder.iterdir()] == []


def test_a_process_wakes_itself_as_well_and_every_time(folder: Path) -> None:
    heard, listener = Event(), bell(folder)
    listener.listen(heard, ["log"])
    listener.start()
    ringer = Ringer()
    ringer.bell = listener
    for _ in range(3):
        ringer.get_dependency(None)("log")
        assert heard.wait(SECONDS_MAX)
        heard.clear()
    listener.stop()


def test_the_pipe_of_a_process_that_was_killed_is_removed(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / f"1{PIPE}")
    (folder / "notes.txt").write_text("not a pipe")
    (folder / f"2{PIPE}").mkdir()
    bell(folder).ring("log")
    assert sorted(each.name for each in folder.iterdir()) == [f"2{PIPE}", "notes.txt"]


def test_a_process_takes_the_place_of_one_with_its_number(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / f"{os.getpid()}{PIPE}")
    heard, listener = Event(), bell(folder)
    listener.listen(heard, ["log"])
    listener.start()
    listener.start()
    listener.ring("log")
    assert heard.wait(SECONDS_MAX)
    listener.stop()


def test_a_ring_does_not_take_away_a_pipe_that_is_only_just_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes of a stack start at once, and a ring removes the pipes that nobody reads."""
    make, heard, listener = os.mkfifo, Event(), bell(folder)

    def make_while_another_rings(path: Path, mode: int) -> None:
        make(path, mode)
        bell(folder).ring("log")

    monkeypatch.setattr(os, "mkfifo", make_while_another_rings)
    listener.listen(heard, ["log"])
    listener.start()
    bell(folder).ring("log")
    assert heard.wait(SECONDS_MAX)
    listener.stop()


def test_who_hears_nothing_for_long_holds_up_nobody(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / f"3{PIPE}")
    reader = os.open(folder / f"3{PIPE}", os.O_RDONLY | os.O_NONBLOCK)
    ringer = bell(folder)
    for _ in range(20_000):
        ringer.ring("a name of some length")
    os.close(reader)


def test_who_listens_for_nothing_needs_no_pipe(folder: Path) -> None:
    listener = bell(folder)
    listener.listen(Event(), [])
    listener.start()
    assert not folder.exists()
    bell(folder).ring("log")


def test_outside_a_service_nobody_is_woken() -> None:
    Bell().ring("log")


def test_without_a_folder_nobody_is_woken() -> None:
    heard, alone = Event(), bell(None)
    alone.listen(heard, ["log"])
    alone.start()
    alone.ring("log")
    alone.stop()
    assert not heard.is_set()
