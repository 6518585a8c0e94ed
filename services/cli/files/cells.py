"""Cells of a table: texts of CSV files, typed values of spreadsheets, and unreadable cells."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.kernel.folding import without_invisible


@dataclass(frozen=True, slots=True)
class UnreadableCell:
    """A cell whose value is certainly not what its author meant, e.g. an error of a formula.

    Args:
        problem: key of the message that describes the problem and its remedy.
        text: what the spreadsheet shows in the cell; empty if unknown.
    """

    problem: str
    text: str = ""


Cell = str | int | float | bool | date | datetime | time | timedelta | UnreadableCell

# A spreadsheet keeps 15 digits of a number and replaces all others by zeros.
DIGITS_KEPT = 10**15


def cell_text(cell: Cell) -> str:
    """Return the text of a cell as a CSV file would contain it, in NFC and without outer blanks.

    Invisible characters, which are often copied along from web pages, are removed.
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
    """Return True if a cell is not blank."""
    return isinstance(cell, UnreadableCell) or bool(cell_text(cell))


def trouble_of_text(cell: Cell) -> str:
    """Return why a cell cannot be read as text, as the key of a message; empty if it can.

    Spreadsheets turn the text `03/2018` into a date, `50%` into 0.5, and long numbers into rounded
    ones, so the text that was typed is lost.
    """
    if isinstance(cell, UnreadableCell):
        return cell.problem
    if isinstance(cell, (date, time, timedelta)):
        return "cell.turned_date"
    if isinstance(cell, float) and (not cell.is_integer() or abs(cell) >= DIGITS_KEPT):
        return "cell.turned_number"
    return ""
