"""Stores the import requests of a file of any size: in memory first, then in a temporary file."""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Iterator
from contextlib import suppress
from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import IO, SupportsIndex

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.importing.errors import NoRoom

BYTES_IN_MEMORY = 4 * 1024 * 1024
"""Size from which requests are stored in a temporary file."""
BYTES_TOGETHER = 256 * 1024
"""Size from which added requests are written together."""


class KeptRequests:
    """A sequence of import requests in the order of their rows; memory holds a few megabytes of it.

    The rest is in a temporary file without a name, so no other process can open it, and it
    disappears with this process.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(BYTES_IN_MEMORY)  # noqa: SIM115 - closed with the object
        weakref.finalize(self, _close, self._file)
        self._unwritten = bytearray()
        self._ends = array("Q", [0])

    def append(self, request: ImportSubmissionsRequest) -> None:
        """Add a copy of a request at the end.

        Raises:
            NoRoom: the temporary file cannot be written. An operator's fault.
        """
        encoded = request.SerializeToString()
        self._unwritten += encoded
        self._ends.append(self._ends[-1] + len(encoded))
        if len(self._unwritten) > BYTES_TOGETHER:
            self._write()

    def _write(self) -> None:
        try:
            self._file.seek(0, SEEK_END)
            self._file.write(self._unwritten)
            self._file.flush()
        except OSError as error:
            problem = (
                f"no temporary file for the rows: {error}; make room, or choose another TMPDIR"
            )
            raise NoRoom("", problem) from error
        self._unwritten.clear()

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self._ends) - 1

    def __getitem__(self, position: SupportsIndex) -> ImportSubmissionsRequest:
        """Return a copy of the request at a position; negative positions count from the end.

        Raises:
            IndexError: there is no request at this position.
            NoRoom: the temporary file cannot be written. An operator's fault.
        """
        at = range(len(self))[position]
        if self._unwritten:
            self._write()
        self._file.seek(self._ends[at])
        encoded = self._file.read(self._ends[at + 1] - self._ends[at])
        return ImportSubmissionsRequest.FromString(encoded)

    def __iter__(self) -> Iterator[ImportSubmissionsRequest]:
        """Yield a copy of each request, in order."""
        return (self[at] for at in range(len(self)))


def _close(file: IO[bytes]) -> None:
    # Closing tries again to write what a full disk refused; it is not needed any more.
    with suppress(OSError):
        file.close()
