"""Who calls which processes of a machine, as each of them sees it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from services.kernel.front import presence, queues
from services.kernel.front.presence import PRESENT_SECONDS, SUFFIX, Presence
from services.kernel.front.queues import FairQueues


def test_an_institution_that_calls_one_process_is_present_to_all(tmp_path: Path) -> None:
    Presence(tmp_path).note("hust")
    other = Presence(tmp_path)
    assert other.institutions == frozenset()
    other.note("vnu")
    assert other.institutions == {"hust", "vnu"}


def test_who_has_not_called_lately_is_not_present(tmp_path: Path) -> None:
    Presence(tmp_path).note("hust")
    (left,) = tmp_path.iterdir()
    before = time.time() - PRESENT_SECONDS - 1
    os.utime(left, (before, before))
    other = Presence(tmp_path)
    other.note("vnu")
    assert other.institutions == {"vnu"}


def test_files_are_touched_and_looked_at_now_and_then_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Presence(tmp_path)
    mine.note("vnu")
    (file,) = tmp_path.iterdir()
    file.unlink()
    Presence(tmp_path).note("hust")
    mine.note("vnu")
    assert mine.institutions == {"vnu"}
    assert not file.exists()
    monkeypatch.setattr(presence, "NOTED_SECONDS", 0.0)
    mine.note("vnu")
    assert mine.institutions == {"vnu", "hust"}
    assert file.exists()


@pytest.mark.parametrize("name", ["a/b", "..", "ơ", "*", "x" * 300])
def test_no_name_leaves_the_folder_and_one_that_fits_no_file_stays_unknown(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "bell"
    folder.mkdir()
    mine = Presence(folder)
    mine.note(name)
    assert [each.name for each in tmp_path.iterdir()] == ["bell"]
    assert mine.institutions == (frozenset() if len(name) > 255 else {name})


def test_without_a_folder_nobody_is_known(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "absent"):
        mine = Presence(folder)
        mine.note("vnu")
        assert mine.institutions == frozenset()
    (tmp_path / f"{SUFFIX}").touch()
    callers = Presence(tmp_path)
    callers.note("")
    assert callers.institutions == frozenset()


def test_few_names_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "NOTED_MAX", 2)
    mine = Presence(tmp_path)
    for name in ("a", "b", "c"):
        mine.note(name)
    assert len(mine._noted) == 1


def test_who_is_alone_here_shares_with_those_who_call_other_processes_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    fair = FairQueues("test", 8, {"hust": 3.0}, Presence(tmp_path))
    greedy = fair._share("vnu")
    greedy.seen, greedy.used = now, queues.BUSY * queues.FORGET_SECONDS + 0.1
    assert not fair._load().exceeds(greedy)
    Presence(tmp_path).note("hust")
    fair._presence.note("vnu")
    assert fair._load() == queues.Load(2, greedy.used, 4.0)
    assert fair._load().exceeds(greedy)
