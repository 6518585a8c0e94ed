"""Files that users upload for an import; they are read on worker threads.

The portal stores no file. What a browser uploads comes back in the next page as a hidden field, and
is sent again with each step; a temporary folder exists only while the file is read.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.importing import bibliographies, headings, submission_file
from services.importing.bibliographies import Completion
from services.importing.cells import Cell
from services.importing.errors import Unreadable
from services.importing.evidence import chosen_files
from services.importing.spreadsheets import Table
from services.importing.submission_file import HeadingsWrong, Reading
from services.importing.submission_rows import Parsed
from services.importing.unit_names import NO_UNITS, UnitNames
from services.importing.xlsx_file import Limits
from services.kernel.errors import InvalidArgument

FILE_BYTES_MAX = 2 * 1024 * 1024
ROWS_MAX = 5_000
LIMITS = Limits(unpacked_bytes=32 * 1024 * 1024, cells=500_000)
NAME_LENGTH = 80
READ_AT_ONCE = 2
"""Number of files that are read at the same time; further ones wait."""
_ODD = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


@dataclass(frozen=True)
class Upload:
    """An uploaded file, and how to read it.

    Args:
        name: name of the file, as `clean_name` returns it.
        content: its content.
        asked: the user's answers to `type`, `system`, `unit`, `month_day` and `sheet`; empty where
            nothing was chosen.
        columns: heading -> the column that the user chose for it.
        proofs: the evidence files that rows name, each with its SHA-256, as `sha256sum` writes
            them; the files themselves stay where they are.
    """

    name: str
    content: bytes
    asked: Mapping[str, str]
    columns: Mapping[str, str] = field(default_factory=dict)
    proofs: str = ""


@dataclass(frozen=True)
class Found:
    """What was read from a file: its table, and either its rows or what is wrong with the file.

    Args:
        type_name: submission type of the rows.
        table: the table.
        names: column of each heading, empty for one that is not read; a suggestion if the headings
            are wrong.
        parsed: the rows; None if the file or its headings are wrong.
        requests: the import requests that the rows make.
        wrong: what is wrong with the file; None if its rows could be read.
        source: literature database that exported the file, whose fields have a mapping of their
            own; empty for a table.
    """

    type_name: str = ""
    table: Table = field(default_factory=lambda: Table([], []))
    names: Sequence[str] = ()
    parsed: Parsed | None = None
    requests: Sequence[ImportSubmissionsRequest] = ()
    wrong: Unreadable | None = None
    source: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of all import requests in order, in lower-case hex; equal for equal rows."""
        found = hashlib.sha256()
        for request in self.requests:
            content = request.SerializeToString(deterministic=True)
            found.update(f"{len(content)} ".encode() + content)
        return found.hexdigest()


def clean_name(given: str) -> str:
    r"""Return a safe name for an uploaded file: without folders, and with at most 89 characters.

    Runs of control characters and of characters that some file system forbids become `_`; nothing
    left gives `file`. For example, `C:\data\a?.csv` becomes `a_.csv`.

    Args:
        given: name that the browser sent.
    """
    name = _ODD.sub("_", given.replace("\\", "/").rpartition("/")[2]).strip(" .") or "file"
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[:NAME_LENGTH]}{dot}{suffix[:8]}" if dot else name[:NAME_LENGTH]


def packed(content: bytes) -> str:
    """Return content compressed by zlib and in base64, as the value of a hidden field."""
    return base64.b64encode(zlib.compress(content, 6)).decode()


def unpacked(text: str, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """Return the content of a hidden field; it reverses `packed`.

    Args:
        text: the hidden field.
        bytes_max: most bytes of the content; more is an error.

    Raises:
        InvalidArgument: the field was changed, or its content is too large. The caller's fault.
    """
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(text, validate=True), bytes_max)
    except (ValueError, zlib.error) as error:
        raise InvalidArgument("the form is damaged; choose the file again") from error
    if not unpacking.eof:
        raise InvalidArgument("the form is damaged; choose the file again")
    return content


class Desk:
    """Runs blocking work on worker threads, a few tasks at a time. Belongs to one event loop."""

    def __init__(self) -> None:
        self._seats = asyncio.Semaphore(READ_AT_ONCE)

    async def work(self, task: Any, *given: Any) -> Any:
        """Run a blocking function on a worker thread, and return its result.

        Args:
            task: the function; what it raises is raised here.
            given: its arguments.
        """
        async with self._seats:
            return await asyncio.to_thread(task, *given)


def read(upload: Upload, units: UnitNames = NO_UNITS) -> Found:
    """Return what is in an uploaded file; blocks, so it is called on a worker thread.

    A file that cannot be read is no error: `Found.wrong` says what is wrong. If only its headings
    are wrong, the result also has its table and suggests a column for each heading.

    Args:
        upload: the file.
        units: the names by which rows may name units.
    """
    asked = upload.asked
    reading = Reading(
        type_name=asked.get("type", ""),
        system=asked.get("system", ""),
        sheet=asked.get("sheet", ""),
        completion=Completion(asked.get("unit", ""), asked.get("month_day", "")),
        columns=_known(asked.get("type", ""), upload.columns),
        limits=LIMITS,
        units=units,
    )
    try:
        reading = replace(reading, chosen=chosen_files(upload.proofs))
    except Unreadable as wrong:
        return Found(wrong=wrong)
    with tempfile.TemporaryDirectory(prefix="kieng-import-") as folder:
        path = Path(folder) / upload.name
        path.write_bytes(upload.content)
        try:
            return _read(path, reading)
        except Unreadable as wrong:
            return Found(wrong=wrong)


def _read(path: Path, reading: Reading) -> Found:
    try:
        parsed = submission_file.read(path, reading)
    except HeadingsWrong as wrong:
        header, type_name = wrong.table.header, wrong.type_name
        suggested = zip(header, headings.suggested(type_name, header), strict=True)
        names = [reading.columns.get(heading, name) for heading, name in suggested]
        return Found(type_name, _kept(path, wrong.table), names, wrong=wrong)
    return _found(path, parsed, bibliographies.source_of(path))


def _known(type_name: str, chosen: Mapping[str, str]) -> Mapping[str, str]:
    if not chosen or type_name not in headings.TYPES:
        return {}
    names = {"", *headings.columns(type_name)}
    return {heading: name for heading, name in chosen.items() if name in names}


def _found(path: Path, parsed: Parsed, source: str) -> Found:
    # The rows of a CSV file are read lazily, but the page needs them after the folder is gone.
    parsed = replace(parsed, table=_kept(path, parsed.table))
    requests = list(parsed.requests)
    return Found(parsed.type_name, parsed.table, parsed.names, parsed, requests, source=source)


def _kept(path: Path, table: Table) -> Table:
    rows = list[tuple[int, Sequence[Cell]]]()
    for row in table.rows:
        if len(rows) == ROWS_MAX:
            raise Unreadable(path, f"more than {ROWS_MAX:,} rows; split it")
        rows.append(row)
    return replace(table, rows=rows)
