"""Whether a file can be written where a command is asked to, before it does any work for it."""

from __future__ import annotations

import os
from pathlib import Path

from services.cli.errors import USAGE, Failure


def need_place(path: Path, *, replace: bool = True) -> None:
    """Check that a file can be written.

    Args:
        path: the file.
        replace: whether it may be there already.

    Raises:
        Failure: its folder is missing or must not be written to, or it is there already or is a
            folder itself.
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


def need_places(*paths: Path | None) -> None:
    """Check that files can be written, which are replaced if they exist; None is left out.

    Raises:
        Failure: one cannot; see `need_place`.
    """
    for path in filter(None, paths):
        need_place(path)
