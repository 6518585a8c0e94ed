"""Creates XLSX files with xlsxwriter; a file that cannot be written raises OSError, as usual."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError


@contextmanager
def new_book(path: Path, **options: Any) -> Iterator[Any]:
    """Return a context manager of a new workbook, which is written when the context ends.

    Args:
        path: the file to write; replaced if it exists.
        options: options of `xlsxwriter.Workbook`.

    Raises:
        OSError: the file cannot be written; the error names it.
    """
    try:
        with xlsxwriter.Workbook(path, options) as book:
            yield book
    except FileCreateError as error:
        # xlsxwriter wraps the OSError.
        (cause,) = error.args
        raise OSError(cause.errno, cause.strerror, str(path)) from error
