"""Checks that a command can write a file, before it does any other work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from services.cli.errors import USAGE, Failure


def need_place(path: Path, *, replace: bool = True) -> None:
    """Check that a file can be written.

    Args:
        path: the file.
        replace: whether the file may exist already.

    Raises:
        Failure: the folder is missing or cannot be written to, or the path is that of a folder or,
            without ``replace``, of an existing file.
    """
    folder = path.parent
    if not folder.is_dir():
        raise Failure(f"{path}: there is no folder {folder}; create it, or name another", USAGE)
    if path.is_dir():
        raise Failure(f"{path}: is a folder; name a file in it", USAGE)
    if path.exists() and not replace:
        raise Failure(f"{path}: is there already; give another name with --to, or --force", USAGE)
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise Failure(f"{path}: you may not write there; name another place", USAGE)


def need_places(*paths: Path | None, read: Iterable[Path | None] = ()) -> None:
    """Check that each of some files can be written or replaced; None is skipped.

    Args:
        paths: the files to write.
        read: files that the command reads, which it must not replace.

    Raises:
        Failure: one of them cannot be written, see `need_place`, or is named twice.
    """
    known = {path.resolve() for path in filter(None, read)}
    for path in filter(None, paths):
        need_place(path)
        if path.resolve() in known:
            raise Failure(f"{path}: is read or written already; give another name", USAGE)
        known.add(path.resolve())
