"""The data folder of a stack: private to its owner, and locked by the `kieng up` that uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from services.cli.errors import DOWN, NO, Failure
from services.cli.terminal.screen import Screen

OTHERS = 0o077
"""Umask that gives no one but the owner rights on new files and folders."""
LOCK = "up.lock"
FREE_BYTES_MIN = 64 << 20
"""Minimum free space to start a stack: for a journal of the database and the logs of a day."""


@contextmanager
def held(data: Path, screen: Screen) -> Iterator[None]:
    """Lock a data folder during the `with` block, creating it if needed.

    Only the owner can enter the folder, and read files that this process and its children create
    during the block. An existing folder that no stack has used keeps its mode.

    Raises:
        Failure: another `kieng up` uses the folder, it cannot be written, or its disk is full.
    """
    umask = os.umask(OTHERS)
    try:
        with _claim(data, screen):
            yield
    finally:
        os.umask(umask)


def _claim(data: Path, screen: Screen) -> IO[str]:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (data / LOCK).exists():
            data.chmod(0o700)
        if shutil.disk_usage(data).free < FREE_BYTES_MIN:
            text = screen.text("up.full_disk", folder=data, room=FREE_BYTES_MIN >> 20)
            raise Failure(text, DOWN)
        return take_lock(data)
    except OSError as error:
        text = screen.text("up.unwritable", folder=data, reason=error.strerror)
        raise Failure(text, DOWN) from error


def take_lock(data: Path) -> IO[str]:
    """Return the open lock file of a data folder; closing it releases the lock.

    Raises:
        Failure: another `kieng up` uses the folder; the message contains its process id.
        OSError: the folder cannot be written.
    """
    file = (data / LOCK).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        pid = file.read().strip()
        file.close()
        text = f"a stack runs on {data} already, process {pid}: stop it with kill {pid}"
        raise Failure(text, NO) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
