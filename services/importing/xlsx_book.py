"""Writes an XLSX file, whose failure is the same as that of any other file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError


@contextmanager
def new_book(path: Path, **options: Any) -> Iterator[Any]:
    """Create a workbook, which is written to its file at the end of the context.

    Args:
        path: the file; replaced if it exists.
        options: options of xlsxwriter.

    Raises:
        OSError: the file cannot be written; names it.
    """
    try:
        with xlsxwriter.Workbook(path, options) as book:
            yield book
    except FileCreateError as error:
        # It holds the error of the file.
        (cause,) = error.args
        raise OSError(cause.errno, cause.strerror, str(path)) from error
