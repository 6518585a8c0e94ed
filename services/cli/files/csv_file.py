"""Reads CSV files, detecting their encoding and separator."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from services.cli.errors import Failure
from services.cli.files import legacy_text

SEPARATORS = ",;\t"
LINES_LOOKED_AT = 20
# Every other byte of Latin letters in UTF-16 is zero; other encodings never hold a zero.
ZEROS_LOOKED_AT = 4096


def rows(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each row of a file; an empty line is a row without cells.

    Raises:
        Failure: the encoding is unknown, or the file is not CSV.
    """
    try:
        text = decode(path.read_bytes())
    except UnicodeDecodeError as error:
        raise Failure(
            f"{path}: neither UTF-8 nor UTF-16 nor Windows-1258; save as UTF-8"
        ) from error
    first_lines = "".join(islice(io.StringIO(text), LINES_LOOKED_AT))
    separator = max(SEPARATORS, key=first_lines.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except csv.Error as error:
        raise Failure(f"{path}: not a CSV file: {error}") from error


def decode(content: bytes) -> str:
    """Return the text in the bytes of a file.

    Recognises UTF-8, UTF-16 with or without byte order mark, and Windows-1258. Text of TCVN3 and
    VNI fonts is returned as the Latin letters with which these encode it; see `legacy_text`.

    Raises:
        UnicodeDecodeError: the bytes are in no known encoding.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    if order := _order_of_utf16(content[:ZEROS_LOOKED_AT]):
        return content.decode(order)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return legacy_text.decode(content)


def _order_of_utf16(start: bytes) -> str:
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 < len(start):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"
