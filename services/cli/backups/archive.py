"""A backup as a folder of files: compressed BSON per collection, and a manifest with their hashes.

    NAME/manifest.json              what it holds; written last: an incomplete backup has none
    NAME/manifest.sha256            hash of the manifest
    NAME/<database>/<collection>.bson.gz    documents one after another, as mongodump writes them

Streams only: no collection is ever held in memory. Files are for their owner's eyes (0600).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from bson.raw_bson import RawBSONDocument

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
PARTIAL = ".partial"
CHUNK_BYTES = 1024 * 1024
DOCUMENT_BYTES_MAX = 16 * 1024 * 1024 + 16 * 1024
# Level 1 costs a third of the time of the default, for a tenth more space.
LEVEL = 1


class ArchiveInvalid(ValueError):
    """A backup is unusable; the message names the file and the problem."""


@dataclass(frozen=True, slots=True)
class Part:
    """One collection of a backup; `sha256` is that of the compressed file."""

    database: str
    collection: str
    file: str
    documents: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Args:
        name: name of its folder.
        created_at: when it was begun, UTC.
        release: version of the program that made it.
        institutions: whose submissions it holds.
        is_whole: whether it holds all databases, or submissions of some institutions only.
        versions: database -> how many migrations it had behind it.
        view: catalogue version and digest computed from the submissions; empty without one.
        parts: the collections.
    """

    name: str
    created_at: str
    release: str
    institutions: list[str]
    is_whole: bool
    versions: dict[str, int]
    view: dict[str, Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    format: int = FORMAT

    @property
    def documents(self) -> int:
        """How many documents it holds."""
        return sum(part.documents for part in self.parts)

    @property
    def bytes(self) -> int:
        """How large its files are."""
        return sum(part.bytes for part in self.parts)


def folder_name(now: datetime) -> str:
    """Return the name of a backup made at a time."""
    return f"kieng-{now:%Y%m%dT%H%M%SZ}"


def write_part(
    folder: Path, database: str, collection: str, documents: Iterable[RawBSONDocument]
) -> Part:
    """Write the documents of one collection, synced to disk, and return what was written.

    Args:
        folder: folder of the backup.
        database: name of the database.
        collection: name of the collection.
        documents: its documents, as they are stored.
    """
    path = folder / database / f"{collection}.bson.gz"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    count = 0
    with _private(path) as file:
        with gzip.GzipFile("", "wb", LEVEL, cast(Any, file), mtime=0) as packed:
            for document in documents:
                packed.write(document.raw)
                count += 1
        file.flush()
        os.fsync(file.fileno())
    name = str(path.relative_to(folder))
    return Part(database, collection, name, count, path.stat().st_size, hash_of(path))


def read_part(folder: Path, part: Part) -> Iterator[RawBSONDocument]:
    """Yield the documents of one collection.

    Raises:
        ArchiveInvalid: the file is damaged, or holds another number of documents.
    """
    count = 0
    try:
        with gzip.open(folder / part.file, "rb") as file:
            while head := file.read(4):
                size = int.from_bytes(head, "little")
                rest = file.read(size - 4) if 4 < size <= DOCUMENT_BYTES_MAX else b""
                if len(head) < 4 or len(rest) != size - 4:
                    raise ArchiveInvalid(f"{part.file}: a document is cut off")
                count += 1
                yield RawBSONDocument(head + rest)
    except (OSError, EOFError, ValueError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise ArchiveInvalid(f"{part.file}: {error}") from error
    if count != part.documents:
        raise ArchiveInvalid(f"{part.file}: {count} documents, {part.documents} were written")


def seal(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest and its hash, and give the folder its final name; return it."""
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n"
    for name, content in ((MANIFEST, text), (SEAL, hashlib.sha256(text.encode()).hexdigest())):
        with _private(folder / name) as file:
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())
    final = folder.with_name(manifest.name)
    folder.rename(final)
    return final


def open_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        ArchiveInvalid: there is none, it was changed, or another release wrote it.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        sealed = (folder / SEAL).read_text().strip()
    except OSError as error:
        raise ArchiveInvalid(f"{folder}: no backup, or one that was cut off ({error})") from error
    if hashlib.sha256(content).hexdigest() != sealed:
        raise ArchiveInvalid(f"{folder / MANIFEST}: was changed after it was written")
    said = json.loads(content)
    if said.get("format") != FORMAT:
        raise ArchiveInvalid(f"{folder}: format {said.get('format')}; this release reads {FORMAT}")
    return Manifest(**{**said, "parts": [Part(**part) for part in said["parts"]]})


def check(folder: Path, manifest: Manifest, advance: Callable[[Part], None]) -> Iterator[str]:
    """Yield what is wrong with the files of a backup: missing, changed, or not readable.

    Args:
        folder: the backup.
        manifest: its manifest.
        advance: called with each part that was checked.
    """
    for part in manifest.parts:
        path = folder / part.file
        if not path.is_file():
            yield f"{part.file}: missing"
        elif path.stat().st_size != part.bytes or hash_of(path) != part.sha256:
            yield f"{part.file}: its content is not what was written"
        else:
            try:
                for _ in read_part(folder, part):
                    pass
            except ArchiveInvalid as invalid:
                yield str(invalid)
        advance(part)


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
