"""The evidence of a row: SHA-256 of documents, or names of files that are hashed here."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

from kieng.submissions.v1 import submission_pb2
from services.importing.field_values import CellWrong, places, split

DEFAULT_TITLE = "evidence"
Digest = Callable[[str], str]
"""Returns the SHA-256 of a file that a table names, in lower-case hex, or raises `CellWrong`."""


def no_files(name: str) -> str:
    """Refuse the name of a file: the table was sent, and the files beside it were not.

    Raises:
        CellWrong: always.
    """
    raise CellWrong("cell.file_not_sent", text=name)


class EvidenceFolder:
    """Hashes the files in the folder of a table and below, each once.

    Args:
        folder: the folder; what is outside is not read, whatever a table says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return the SHA-256 of a file, in lower-case hex.

        Args:
            name: path from the folder, with either kind of slash.

        Raises:
            CellWrong: there is no such file in the folder, or it cannot be read.
        """
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> str:
        given = name.replace("\\", "/")
        # Some systems keep the marks of letters apart in names of files.
        paths = [self._folder / unicodedata.normalize(form, given) for form in ("NFC", "NFD")]
        for path in (each.resolve() for each in paths):
            if not path.is_relative_to(self._folder):
                raise CellWrong("cell.file_outside", text=name)
            if path.is_file():
                try:
                    with path.open("rb") as file:
                        return hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    reason = error.strerror or str(error)
                    raise CellWrong("cell.file_unreadable", text=name, reason=reason) from error
        raise CellWrong("cell.file_missing", text=name)


def add_evidence(
    content: submission_pb2.Content, files: str, sha256: str, title: str, uri: str, digest: Digest
) -> None:
    """Add the evidence that the cells of a row name; several are separated by a bar.

    Titles and addresses belong to the SHA-256 first and then to the files, in order.

    Args:
        content: content that gets the evidence.
        files: names of files.
        sha256: SHA-256 of further documents, in hex.
        title: titles; a file without one has its own name.
        uri: addresses.
        digest: hashes a file.

    Raises:
        CellWrong: a file cannot be hashed.
    """
    if not files and "|" not in sha256 + title + uri and "\\" not in title + uri:
        if sha256:
            title = title or DEFAULT_TITLE
            content.evidence.add(sha256=sha256.lower(), title=title, uri=uri)
        return
    # An empty place of a SHA-256 keeps the place of its title.
    given = [(each.lower(), DEFAULT_TITLE) for each in places(sha256)] if sha256 else []
    given += [(digest(name), _last_part(name)) for name in split(files)]
    for found, name, address in zip_longest(given, places(title), places(uri), fillvalue=""):
        if found and found[0]:
            content.evidence.add(sha256=found[0], title=name or found[1], uri=address)


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
