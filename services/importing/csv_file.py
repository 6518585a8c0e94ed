"""Reads CSV files row by row, detecting their encoding and separator."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from services.importing import legacy_text
from services.importing.errors import Unreadable

SEPARATORS = ",;\t"
LINES_LOOKED_AT = 20
# In UTF-16, every other byte of Latin letters is zero; text in other encodings has no zero byte.
ZEROS_LOOKED_AT = 4096
CHUNK = 1 << 20
# The affiliations of 3,000 authors are longer than a cell may be by default; the file has a limit.
csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class CsvRows:
    """The rows of a CSV file; each iteration reads it again, so memory holds one row at a time.

    Args:
        path: the file.
        encoding: name of its encoding, as Python knows it.
        separator: the character between cells.
        saved: modification time in nanoseconds and size in bytes at the first reading.
    """

    path: Path
    encoding: str
    separator: str
    saved: tuple[int, int]

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the cells of each row; an empty line is a row without cells.

        Raises:
            Unreadable: the file is not CSV, or was changed after it was first opened.
        """
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                yield from csv.reader(file, delimiter=self.separator, strict=True)
        except (csv.Error, UnicodeDecodeError) as error:
            raise Unreadable(self.path, f"not a CSV file: {error}") from error
        if _saved(self.path) != self.saved:
            raise Unreadable(self.path, "was changed while it was read; import it again")


def rows(path: Path) -> CsvRows:
    """Return the rows of a CSV file; its encoding and separator are detected.

    The separator is that of comma, semicolon and tab which gives most of the first 20 lines the
    same number of cells; of several, that which gives most cells.

    Raises:
        Unreadable: the encoding is unknown. The fault of the file's author.
        OSError: the file does not exist or cannot be opened.
    """
    saved = _saved(path)
    try:
        encoding = encoding_of(path)
        with path.open(encoding=encoding, newline="") as file:
            first_lines = list(islice(file, LINES_LOOKED_AT))
    except UnicodeDecodeError as error:
        raise Unreadable(
            path, "neither UTF-8 nor UTF-16 nor Windows-1258; save as UTF-8"
        ) from error
    separator = max(SEPARATORS, key=lambda each: _evenness(first_lines, each))
    return CsvRows(path, encoding, separator, saved)


def _evenness(lines: Sequence[str], separator: str) -> tuple[int, int]:
    """Return how many rows have the number of cells that most rows have, and that number."""
    widths = Counter(map(len, csv.reader(lines, delimiter=separator)))
    return max(((rows, width) for width, rows in widths.items() if width > 1), default=(0, 0))


def encoding_of(path: Path) -> str:
    """Return the encoding of a file, as a name that Python knows.

    It is UTF-8 (also for an empty file), UTF-16 with or without byte order mark, Windows-1258, or
    Latin-1 for text of the old Vietnamese fonts TCVN3 and VNI, which `legacy_text` can convert.

    Raises:
        UnicodeDecodeError: the bytes are in no known encoding.
    """
    with path.open("rb") as file:
        start = file.read(ZEROS_LOOKED_AT)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        if order := _order_of_utf16(start):
            return order
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return legacy_text.encoding_of(path.read_bytes())
    return "utf-8-sig"


def _order_of_utf16(start: bytes) -> str:
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 < len(start) or not start:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _saved(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
