"""The data folder is its owner's alone, and what stands in the way of a start is told in a line."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.cli.errors import DOWN, Failure
from services.cli.local.data_folder import FREE_BYTES_MIN, held
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang

SCREEN = Screen(Output.table, Lang.en)
NOBODY = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_are_for_their_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "above" / "data"
    before = os.umask(0o022)
    try:
        with held(data, SCREEN):
            (data / "logs").mkdir()
            subprocess.run(["touch", data / "logs" / "broker.log"], check=True)
        (tmp_path / "later").touch()
    finally:
        os.umask(before)
    assert [mode(path) for path in (data, data / "logs")] == [0o700] * 2
    assert [mode(path) for path in (data / "up.lock", data / "logs" / "broker.log")] == [0o600] * 2
    assert mode(tmp_path / "later") == 0o644


def test_a_folder_of_an_older_version_is_closed_and_a_strange_one_keeps_its_mode(
    tmp_path: Path,
) -> None:
    ours, strange = tmp_path / "ours", tmp_path / "strange"
    for folder in (ours, strange):
        folder.mkdir()
        folder.chmod(0o755)
    (ours / "up.lock").touch()
    for folder, wanted in ((ours, 0o700), (strange, 0o755)):
        with held(folder, SCREEN):
            assert mode(folder) == wanted


def test_a_second_up_is_refused_and_the_first_keeps_its_lock(tmp_path: Path) -> None:
    with held(tmp_path, SCREEN):
        for _ in range(2):
            with pytest.raises(Failure, match=rf"process {os.getpid()}"), held(tmp_path, SCREEN):
                pass


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder that this process cannot write; root could write everywhere, so it is nobody."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(folder)


@pytest.mark.parametrize("below", ["", "data"])
def test_a_read_only_folder_is_named_with_a_way_out(read_only: Path, below: str) -> None:
    data = read_only / below
    with pytest.raises(Failure) as told, held(data, SCREEN):
        pass
    wanted = (
        f"{data} cannot be written (Permission denied): choose a folder of your own with --data"
    )
    assert (told.value.message, told.value.exit_code) == (wanted, DOWN)


def test_a_file_in_place_of_the_folder_is_told_alike(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(Failure, match=r"data cannot be written \(File exists\)"):
        held(tmp_path / "data", SCREEN).__enter__()


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = SimpleNamespace(free=FREE_BYTES_MIN - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: left)
    with pytest.raises(Failure) as told, held(tmp_path, SCREEN):
        pass
    assert told.value.message.startswith(f"the disk of {tmp_path} is full: `kieng up` needs 64 MiB")
    assert told.value.exit_code == DOWN
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_really_full_is_told_alike(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "kieng-full", str(tmp_path)]
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("a small disk needs root and mount")
    if reason := subprocess.run(mount, capture_output=True, text=True, check=False).stderr:
        pytest.skip(f"no small disk: {reason}")
    try:
        with pytest.raises(Failure, match="is full"), held(tmp_path / "data", SCREEN):
            pass
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)
