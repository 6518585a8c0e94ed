"""The cells of a table: text from CSV files, typed values from spreadsheets, unreadable cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from html.entities import html5

from services.importing import legacy_text
from services.kernel.folding import without_invisible


@dataclass(frozen=True, slots=True)
class UnreadableCell:
    """A cell whose value is certainly not what its author meant, e.g. the error of a formula.

    Args:
        problem: key of the message that describes the problem and its remedy.
        text: what the spreadsheet shows in the cell; empty if unknown.
    """

    problem: str
    text: str = ""


class MaskedNumber(float):
    """A number that its cell format displays with further zeros or letters: 7 as `007` or `PT-7`.

    It has the value 7; the text that was displayed is not known.
    """


class PercentNumber(float):
    """A number that its cell format displays as a percentage: 0.5 as `50%`."""


class MergedNumber(float):
    """A number of a cell that is merged over several rows, in each of which it stands."""


Cell = str | int | float | bool | date | datetime | time | timedelta | UnreadableCell

# A spreadsheet keeps 15 digits of a number and replaces the others by zeros.
DIGITS = 15
DIGITS_KEPT = 10**DIGITS
ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|FIELD!)|#{3,}")
MONTH_SHORT = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Thg ?\d\d?)"
# What a spreadsheet turns 03/2018 and 3/18 into when it saves a CSV file: Mar-18, 18-Mar.
TURNED_DATE = re.compile(rf"{MONTH_SHORT}-\d\d(?:\d\d)?|\d\d?-{MONTH_SHORT}(?:-\d\d)?", re.I)
TURNED_LENGTH = len("31-Thg 12-2021")
EXPONENT = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.I)
# A letter that an encoding lacks becomes a question mark, U+FFFD or a numeric character reference.
LOST = re.compile(r"\ufffd|[^\W\d_]\?[^\W\d_]|[ÐĐ]\?(?=\s|$)|&#x?[0-9a-fA-F]+;")
COLUMN_NUMBER_LENGTH = 8
COLUMN_NUMBER = re.compile(r"\(?(\d+)\)?")
ENTITY = re.compile(r"&[A-Za-z]{2,31}\d{0,2};")
SIGN_OF_LOSS = re.compile(r"[?\ufffd&]")
# Most texts have none of the signs by which damage is recognised, so they are looked for together.
SIGN = re.compile(r"[?\ufffd&^+=%\\]")
# Characters that may be invisible or be combined with others; composed Vietnamese has none.
BEYOND_LATIN = re.compile(r"[^\x00-\xac\xae-\u02ff\u1e00-\u1fff]")
_OF_CONSOLES = r"[\u00a0-\u00ff\u0192\u2310\u20a7\u2591-\u2593]"
# The second byte became a blank or an invisible character, which is gone.
_INSIDE = r"(?<=[a-z].)(?=[a-z])"
# The bytes of one Vietnamese letter, decoded one by one; a sure sign even if other bytes are lost:
# as Windows-1252, as Mac Roman, as the code pages of consoles, as Windows-1258 and -1250. Each
# alternative begins with one certain character: then `re` looks for those alone, twice as fast.
OF_VIETNAMESE_BYTES = re.compile(
    r"\u00e1(?:[\u00ba\u015f]|\u00bb[\u0080-\u00bf\u0152-\u017e\u0192\u02c6-\u2122])|\u00c6[\u00b0\u00a1]|\u00c4\u2018"
    r"|\u00b7[\u222b\u00aa]|\u0192[\u00eb\u00ea]|\u2206\u221e|\u2206\u00b0(?<=[A-Za-z]..)|\u221a[\u2020\u00a2\u00a3\u00a5\u00a8\u00a9\u00ae\u00b0\u2122]"
    rf"|\u00df[\u2551\u2557]|\u2500{_OF_CONSOLES}|\u255e{_OF_CONSOLES}|\u251c(?:{_OF_CONSOLES}|(?<=[A-Za-z].))"
    rf"|\u00c3{_INSIDE}"
    rf"|\u0102(?:[\u00a0-\u00b5\u00b8-\u00ba\u00bd\u0104\u0105\u0141\u0142\u015a-\u0165\u02c7-\u02dd]|{_INSIDE})"
)
# UTF-8 as e-mails, addresses and programs write it; the first bytes are those of Vietnamese
# letters, of combining marks, and of dashes and quotation marks.
WRITTEN_BYTES = re.compile(
    r"[=%](?:C[3-6C]|E[12])[=%][89AB][0-9A-F]|\\x(?:c[3-6c]|e[12])\\x[89ab][0-9a-f]|\\u[01][0-9a-f]{3}",
    re.I,
)
SIGN_OF_BYTES = re.compile(r"[=%\\]")
OF_BYTES = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u017e\u0192\u02c6-\u2122]")


def cell_text(cell: Cell) -> str:
    """Return the text that a CSV file would contain for a cell, in NFC and without outer blanks.

    Invisible characters, which are often copied along from web pages, are removed. Dates become
    `YYYY-MM-DD` (a time of day is dropped), truth values `true` or `false`, whole numbers have no
    decimals, a fraction has the 15 digits that a spreadsheet shows, and an unreadable cell gives
    the text that the spreadsheet shows.
    """
    if isinstance(cell, str):
        if cell.isascii():
            return cell.strip()
        if not BEYOND_LATIN.search(cell) and unicodedata.is_normalized("NFC", cell):
            return cell.strip()
        return without_invisible(unicodedata.normalize("NFC", cell)).strip()
    if isinstance(cell, UnreadableCell):
        return cell.text
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if isinstance(cell, PercentNumber):
            return f"{cell * 100:.{DIGITS}g}%"
        # 1500000 * 1.1 is stored as 1650000.0000000002.
        value = cell if cell.is_integer() else float(f"{cell:.{DIGITS}g}")
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def has_text(cell: Cell) -> bool:
    """Return True unless a cell is blank: an empty text, or only blanks and invisible characters.

    An unreadable cell is not blank, even if what it shows is unknown.
    """
    if isinstance(cell, str) and cell.isascii():
        return not (cell == "" or cell.isspace())
    return isinstance(cell, UnreadableCell) or bool(cell_text(cell))


def are_column_numbers(cells: Sequence[Cell]) -> bool:
    """Return True if a row only numbers the columns, as printed forms do: (1), (2), (3), ...

    The first three cells decide: 1, 2, 3 or 0, 1, 2, each with or without parentheses. A row of
    fewer than three cells gives False.
    """
    if len(cells) < 3 or (isinstance(cells[2], str) and len(cells[2]) > COLUMN_NUMBER_LENGTH):
        return False
    found = [COLUMN_NUMBER.fullmatch(cell_text(cell)) for cell in cells[:3]]
    numbers = [int(each[1]) for each in found if each]
    return len(numbers) == 3 and numbers in ([1, 2, 3], [0, 1, 2])


def trouble_of_text(cell: Cell) -> str:
    """Return the key of the message that says why a cell cannot be read as text.

    For example, `cell.turned_date`; empty if it can be read. Spreadsheets turn the text `03/2018`
    into a date, `50%` into 0.5, and long numbers into rounded ones, so the text that was typed is
    lost.
    """
    if isinstance(cell, UnreadableCell):
        return cell.problem
    if isinstance(cell, (date, time, timedelta)):
        return "cell.turned_date"
    if isinstance(cell, (MaskedNumber, PercentNumber)):
        return "cell.turned_number"
    if isinstance(cell, float) and (not cell.is_integer() or abs(cell) >= DIGITS_KEPT):
        return "cell.turned_number"
    return ""


def trouble_of_words(text: str) -> str:
    """Return the key of the message that says how a text was damaged; empty if it looks intact.

    Recognised are error values and formulas of spreadsheets, texts that they turned into a date or
    number, letters lost or garbled by a wrong encoding, HTML escapes, and Vietnamese typed in VIQR.

    Args:
        text: text of a cell, as `cell_text` returns it.
    """
    if text[:1] == "#" and ERROR.fullmatch(text):
        return "cell.error"
    if len(text) <= TURNED_LENGTH and TURNED_DATE.fullmatch(text):
        return "cell.turned_date"
    if SIGN.search(text) and (problem := _trouble_of_signs(text)):
        return problem
    return "" if text.isascii() or not _is_of_bytes(text) else "cell.letters_wrong"


def _trouble_of_signs(text: str) -> str:
    if text[:2] == '="' and text[-1] == '"':
        return "cell.formula"
    if EXPONENT.fullmatch(text):
        return "cell.turned_number"
    if SIGN_OF_LOSS.search(text) and "://" not in text:
        if LOST.search(text):
            return "cell.letters_lost"
        if any(name[1:] in html5 for name in ENTITY.findall(text)):
            return "cell.entity"
    if ("^" in text or "+" in text) and legacy_text.is_viqr(text):
        return "cell.viqr"
    if SIGN_OF_BYTES.search(text) and "://" not in text and WRITTEN_BYTES.search(text):
        return "cell.letters_wrong"
    return ""


def _is_of_bytes(text: str) -> bool:
    """Return True if a text is UTF-8 that was decoded in another encoding, e.g. `NghiÃªn cá»©u`."""
    if OF_VIETNAMESE_BYTES.search(text):
        return True
    if not OF_BYTES.search(text):
        return False
    try:
        b"".join(map(_byte, text)).decode("utf-8")
    except UnicodeError:
        return False
    return True


def _byte(letter: str) -> bytes:
    return bytes([ord(letter)]) if letter <= "\xff" else letter.encode("cp1252")
