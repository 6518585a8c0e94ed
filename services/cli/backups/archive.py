"""A backup as a folder of files: compressed BSON per collection, and a manifest with their hashes.

    NAME/manifest.json              its contents; written last, so an incomplete backup lacks it
    NAME/manifest.sha256            hash of the manifest
    NAME/<database>/<collection>.bson.gz    documents one after another, as mongodump writes them

Collections are streamed and never held in memory. Only the owner can read the files (mode 0600).
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
    """Raised if a backup cannot be used; the message names the file and the problem."""


@dataclass(frozen=True, slots=True)
class Part:
    """The description of one collection in a backup.

    `file` is the path of its compressed file within the backup, `bytes` the size of that file and
    `sha256` its hash. `documents` is the number of documents.
    """

    database: str
    collection: str
    file: str
    documents: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Describes the contents of a backup.

    Args:
        name: name of the folder of the backup.
        created_at: when the backup was started, ISO 8601, UTC.
        release: version of the program that made the backup.
        institutions: ids of the institutions whose submissions it contains.
        is_whole: whether it contains all databases, not only submissions of some institutions.
        versions: name of a database -> its schema version.
        view: catalogue version and the digest of the numbers, computed from the submissions in the
            backup; empty without a live view.
        parts: the collections.
        format: version of the format of the files.
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
        """Number of documents in the backup."""
        return sum(part.documents for part in self.parts)

    @property
    def bytes(self) -> int:
        """Total size of the compressed files in bytes."""
        return sum(part.bytes for part in self.parts)


def folder_name(now: datetime) -> str:
    """Return the folder name of a backup begun at ``now`` (UTC), e.g. `kieng-20260131T120000Z`."""
    return f"kieng-{now:%Y%m%dT%H%M%SZ}"


def write_part(
    folder: Path, database: str, collection: str, documents: Iterable[RawBSONDocument]
) -> Part:
    """Write the file of one collection, sync it to disk, and return its description.

    An existing file is replaced. A collection without documents gets a file, too.

    Args:
        folder: folder of the backup.
        database: name of the database.
        collection: name of the collection.
        documents: its documents as BSON, which are written in this order.
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
    """Yield the documents of one collection as BSON.

    Raises:
        ArchiveInvalid: the file is damaged or has a different number of documents.
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
    """Complete a backup: write the manifest and its hash, and rename the folder to its final name.

    Args:
        folder: folder of the backup, which holds the files of all parts.
        manifest: contents of the backup; its name is the final name of the folder.

    Returns:
        The path of the renamed folder.
    """
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
    """Return the manifest of the backup in a folder.

    Raises:
        ArchiveInvalid: there is no manifest, it was changed, or it has another format.
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
    """Yield a line for each file of a backup that is missing, changed or unreadable.

    Every file is read to its end. Nothing is yielded if the backup is intact.

    Args:
        folder: folder of the backup.
        manifest: manifest of the backup.
        advance: called with each part after it has been checked.
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
    """Return the SHA-256 of a file in lower-case hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
