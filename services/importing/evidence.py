"""The evidence that a row names: SHA-256 digests, or names of files, which are hashed here."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path

from kieng.submissions.v1 import submission_pb2
from services.importing.errors import Unreadable
from services.importing.field_values import CellWrong, places, split

DEFAULT_TITLE = "evidence"
Digest = Callable[[str], str]
"""Returns the SHA-256 of the file with a name, in lower-case hex, or raises `CellWrong`."""
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](\S.*)")


def no_files(name: str) -> str:
    """Refuse the name of an evidence file, because only the table was sent, without such files.

    Args:
        name: name of the file, for the message.

    Raises:
        CellWrong: always.
    """
    raise CellWrong("cell.file_not_sent", text=name)


class ChosenEvidence:
    """Finds files by name among those that somebody chose in a browser; call it with a name.

    A browser tells the name of a chosen file but not its folder, so `proofs/a.pdf` is found as
    `a.pdf`, and `a.pdf` as `proofs/a.pdf`, as long as only one content is meant.

    Args:
        digests: name or path of each chosen file -> its SHA-256 in lower-case hex.
    """

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._by_path = {_parts(name): digest for name, digest in digests.items()}
        self._by_last = dict[str, list[tuple[str, ...]]]()
        for path in self._by_path:
            self._by_last.setdefault(path[-1], []).append(path)

    def __call__(self, name: str) -> str:
        """Return the SHA-256 of a chosen file, in lower-case hex.

        Args:
            name: path as the table has it, with slashes or backslashes.

        Raises:
            CellWrong: no file of that name was chosen, or several with different contents.
        """
        given = _parts(name)
        if given in self._by_path:
            return self._by_path[given]
        near = (path for path in self._by_last.get(given[-1], ()) if _is_end(path, given))
        found = {self._by_path[path] for path in near}
        if not found:
            raise CellWrong("cell.file_not_sent", text=name)
        if len(found) > 1:
            raise CellWrong("cell.file_ambiguous", text=name)
        return found.pop()


def chosen_files(text: str) -> dict[str, str]:
    """Return name -> SHA-256 of files, from lines as `sha256sum` writes them; blank ones are left.

    A line is 64 hexadecimal digits, a space, a space or an asterisk, and the name.

    Raises:
        Unreadable: a line is different. Its author's fault.
    """
    found = dict[str, str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if not (match := _LINE.fullmatch(line.strip())):
            problem = "write a SHA-256 and then the name of its file, as sha256sum does"
            raise Unreadable(f"evidence:{number}", problem)
        found[match[2]] = match[1].lower()
    return found


def _parts(name: str) -> tuple[str, ...]:
    given = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return tuple(part for part in given if part not in ("", ".")) or ("",)


def _is_end(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    most = min(len(one), len(other))
    return one[-most:] == other[-most:]


class EvidenceFolder:
    """Hashes files in the folder of a table and its subfolders; call it with the name of a file.

    The digest of each name is cached, so a file that many rows name is read once.

    Args:
        folder: the folder; files outside it are not read, whatever a table says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return the SHA-256 of a file, in lower-case hex.

        Args:
            name: path relative to the folder, with slashes or backslashes.

        Raises:
            CellWrong: the path leads out of the folder, or the file is missing or unreadable.
        """
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> str:
        given = name.replace("\\", "/")
        # macOS, for one, may store letters and their diacritics separately in names of files.
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
    """Add the evidence that the cells of a row name to a content; items are separated by `|`.

    The first title and address belong to the first SHA-256 digest, and so on; after the digests
    come the files. Superfluous titles and addresses are ignored, and nothing is added if there is
    neither a digest nor a file. Digests are not checked.

    Args:
        content: content that the evidence is added to.
        files: names of files.
        sha256: SHA-256 digests of further documents, in hex.
        title: titles; a file without one gets its own name, a digest without one `evidence`.
        uri: web addresses.
        digest: returns the SHA-256 of a file.

    Raises:
        CellWrong: a file cannot be hashed. The fault of the table's author.
    """
    if not files and "|" not in sha256 + title + uri and "\\" not in title + uri:
        if sha256:
            title = title or DEFAULT_TITLE
            content.evidence.add(sha256=sha256.lower(), title=title, uri=uri)
        return
    # An empty digest is kept for now, so that the titles after it stay with their digests.
    given = [(each.lower(), DEFAULT_TITLE) for each in places(sha256)] if sha256 else []
    given += [(digest(name), _last_part(name)) for name in split(files)]
    for found, name, address in zip_longest(given, places(title), places(uri), fillvalue=""):
        if found and found[0]:
            content.evidence.add(sha256=found[0], title=name or found[1], uri=address)


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
