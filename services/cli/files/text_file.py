"""Reads files of text that people write or download: YAML and JSON."""

from __future__ import annotations

from pathlib import Path

from services.cli.errors import USAGE, Failure


def read_text(path: Path) -> str:
    """Return the text in a file in UTF-8, without the byte order mark that it may begin with.

    Raises:
        Failure: the file cannot be read, or has another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: not text in UTF-8; save it in this encoding", USAGE) from error
