"""Cells of a table: texts of CSV files, typed values of spreadsheets, cells that say nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.kernel.folding import without_invisible


@dataclass(frozen=True, slots=True)
class UnreadableCell:
    """A cell whose content is not what its author meant.

    Args:
        problem: key of the texts that describe the problem and its remedy.
        text: what the spreadsheet shows, as far as known.
    """

    problem: str
    text: str = ""


Cell = str | int | float | bool | date | datetime | time | timedelta | UnreadableCell

# A spreadsheet keeps 15 digits of a number; what follows is zeros that nobody wrote.
DIGITS_KEPT = 10**15


def cell_text(cell: Cell) -> str:
    """Return a cell as a CSV file would have it, composed (NFC) and without blanks around it.

    Invisible characters, which come along when text is copied from a web page, are left out.
    """
    if isinstance(cell, str):
        if cell.isascii():
            return cell.strip()
        return without_invisible(unicodedata.normalize("NFC", cell)).strip()
    if isinstance(cell, UnreadableCell):
        return cell.text
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def has_text(cell: Cell) -> bool:
    """Return True if a cell shows anything but blanks."""
    return isinstance(cell, UnreadableCell) or bool(cell_text(cell))


def trouble_of_text(cell: Cell) -> str:
    """Return the key of the problem if a cell cannot be trusted in a column of texts, else "".

    Spreadsheets turn `03/2018` into a date, `50%` into a half and long digits into an exponent.
    """
    if isinstance(cell, UnreadableCell):
        return cell.problem
    if isinstance(cell, (date, time, timedelta)):
        return "cell.turned_date"
    if isinstance(cell, float) and (not cell.is_integer() or abs(cell) >= DIGITS_KEPT):
        return "cell.turned_number"
    return ""
