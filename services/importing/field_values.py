"""Reads cells as values of protobuf fields: amounts, dates, choices, numbers and texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache, partial
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from services.importing import money
from services.importing.cells import (
    Cell,
    MergedNumber,
    UnreadableCell,
    cell_text,
    trouble_of_text,
    trouble_of_words,
)
from services.importing.headings import slug
from services.importing.shares import ppm_of
from services.importing.written_dates import named_day

TRUE = {"true", "1", "yes", "y", "x", "co", "đúng", "có", "dung"}
FALSE = {"", "false", "0", "no", "n", "khong", "không", "sai"}
LINE_BREAK = re.compile(r"[\r\n\t\v\f]+")
ITEM = re.compile(r"(?:\\[\\|]|[^|])*\|")
SEPARATED = re.compile(r"[|,;]")
ESCAPED = re.compile(r"\\([\\|])")
PROSE = frozenset({"summary"})
"""Fields with texts of several lines."""
CODES = frozenset({"fields", "areas"})
"""Fields that list codes in lower case."""
AS_COPIED = frozenset({"doi"})
"""Fields whose values are often copied from a web address, with its `%` escapes and its query."""
# Databases and spreadsheets write a time behind a date; one with a zone may be of another day here.
_TIME = r"(?:[T ]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AP]M)?)?"
YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}")
DAY_FIRST = re.compile(rf"(\d{{1,2}}) ?[-/.] ?(\d{{1,2}}) ?[-/.] ?(\d{{4}}){_TIME}")
# Programs for data write the whole numbers of a column with blanks as fractions: 2024.0.
COUNT = re.compile(r"(\d{1,9})(?:\.0)?")
NO_DAY = re.compile(r"\d{4}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{4}")


SEEN_MAX = 4096
"""Number of distinct texts whose value is cached; a column repeats few dates and choices."""


class CellWrong(ValueError):
    """Raised if a cell cannot be read as a value of its column. The fault of the file's author.

    Args:
        problem: key of the message that describes the problem and its remedy.
        values: values of the placeholders in that message.
    """

    def __init__(self, problem: str, **values: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.values = values


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads cells as values of one field.

    Both functions return None for a blank cell and a list for a repeated field, whose items line
    breaks may separate; in other texts but prose, a line break becomes a space. They raise
    `CellWrong` if the cell cannot be read. They cache values, because most columns repeat a few
    texts.

    Args:
        of_text: reads a cell of a CSV file.
        of_cell: reads a cell of any type; slower.
    """

    of_text: Callable[[str], Any]
    of_cell: Callable[[Cell], Any]


@cache
def reader(field: FieldDescriptor, *, is_percent: bool = False) -> Reader:
    """Return the functions that read cells as values of a protobuf field; the same for every call.

    Names decide for text fields: `..._on` is a date, which becomes `YYYY-MM-DD`, and `..._vnd` an
    amount in whole dong, which becomes a text of digits. A number `..._ppm` is a share, see
    `ppm_of`. An enum value becomes its number. See `Reader` for blank cells, lists and failures.

    Args:
        field: the field.
        is_percent: whether a share without a percent sign is a percentage.
    """
    is_list, is_free, read = field.is_repeated, _is_free_text(field), _reader(field, is_percent)
    # People separate choices by commas, and no name of a choice contains one.
    items = choices if field.enum_type is not None or field.name in CODES else split

    @lru_cache(SEEN_MAX)
    def of_text(raw: str) -> Any:
        text = cell_text(raw)
        if not text:
            return None
        if not text.isprintable() and field.name not in PROSE:
            # People break the lines of a cell to make it narrower, or to list items.
            lines = map(str.strip, LINE_BREAK.split(text))
            text = ("|" if is_list else " ").join(filter(None, lines))
        return [read(item) for item in items(text)] if is_list else read(text)

    def of_cell(cell: Cell) -> Any:
        if isinstance(cell, UnreadableCell):
            raise CellWrong(cell.problem, text=cell.text)
        if is_amount(field) and isinstance(cell, MergedNumber):
            raise CellWrong("cell.merged_amount", text=cell_text(cell))
        if is_free and (problem := trouble_of_text(cell)):
            raise CellWrong(problem, text=cell_text(cell))
        return of_text(cell_text(cell))

    return Reader(of_text, of_cell)


def is_day(field: FieldDescriptor) -> bool:
    """Return True if a field holds a calendar date: it is a text whose name ends in `_on`."""
    return field.type == FieldDescriptor.TYPE_STRING and field.name.endswith("_on")


def is_month_first(cell: Cell) -> bool:
    """Return True if a cell is a text that is a date only if the month is first: 03/31/2021.

    False for any other text and for date values of a spreadsheet.
    """
    found = DAY_FIRST.fullmatch(cell_text(cell)) if isinstance(cell, str) else None
    return found is not None and int(found[1]) <= 12 < int(found[2])


def is_day_first(cell: Cell) -> bool:
    """Return True if a cell is a text that is a date only if the day is first: 31/03/2021.

    False for any other text and for date values of a spreadsheet.
    """
    found = DAY_FIRST.fullmatch(cell_text(cell)) if isinstance(cell, str) else None
    return found is not None and int(found[2]) <= 12 < int(found[1])


def is_short_date(cell: Cell) -> bool:
    """Return True if a cell is a text like 03/04/2021: two numbers, then a year of four digits.

    The numbers have one or two digits and are separated by slashes, hyphens or dots; whether they
    make a possible date is not checked.
    """
    return isinstance(cell, str) and DAY_FIRST.fullmatch(cell_text(cell)) is not None


def choices(text: str) -> list[str]:
    """Return the choices that a cell lists, separated by bars, commas or semicolons.

    Outer blanks are removed and empty choices omitted: `scopus, wos;` gives `scopus` and `wos`.
    """
    return [item for part in SEPARATED.split(text) if (item := part.strip())]


def split(text: str) -> list[str]:
    """Return the items that a cell lists, separated by bars, without the empty ones.

    Blanks and escaped bars are treated as by `places`.
    """
    return [item for item in places(text) if item]


def places(text: str) -> list[str]:
    """Return the items that a cell lists, separated by bars, with the empty ones.

    After a backslash, a bar or a backslash is part of the item. Outer blanks of items are removed;
    `a||b` gives `a`, an empty item and `b`, and an empty text gives one empty item.
    """
    if "\\" not in text:
        return [item.strip() for item in text.split("|")]
    items = [found[0] for found in ITEM.finditer(text + "|")]
    return [ESCAPED.sub(r"\1", item.removesuffix("|")).strip() for item in items]


def joined(items: Iterable[str]) -> str:
    """Return the text of a cell that lists these items, so that `places` returns them again.

    Bars and backslashes in the items are escaped with a backslash; items have no outer blanks.
    """
    return "|".join(item.replace("\\", "\\\\").replace("|", "\\|") for item in items)


@cache
def enum_choices(field: FieldDescriptor) -> dict[str, int]:
    """Return name -> number of the values of an enum field, except the unspecified one.

    Names are in the form in which files contain them: in lower case and without the prefix of the
    enum, e.g. `q1`. The field must be of an enum type.
    """
    assert field.enum_type is not None
    prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    values = ((v.name.removeprefix(prefix).lower(), v.number) for v in field.enum_type.values)
    return {name: number for name, number in values if number}


def is_amount(field: FieldDescriptor) -> bool:
    """Return True if a field holds an amount of money in whole dong.

    Such a field is a text whose name ends in `_vnd`.
    """
    return field.type == FieldDescriptor.TYPE_STRING and field.name.endswith("_vnd")


def _is_free_text(field: FieldDescriptor) -> bool:
    is_text = field.type == FieldDescriptor.TYPE_STRING
    return is_text and not is_day(field) and not is_amount(field)


def is_share(field: FieldDescriptor) -> bool:
    """Return True if a field holds a share in millionths: its name ends in `_ppm`."""
    return bool(field.name.endswith("_ppm"))


def _reader(field: FieldDescriptor, is_percent: bool) -> Callable[[str], Any]:
    if is_share(field):
        return partial(_share, is_percent)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _boolean
    if field.type == FieldDescriptor.TYPE_ENUM:
        return partial(_choice, field)
    if is_amount(field):
        return _amount
    if is_day(field):
        return _day
    if field.name in CODES:
        return str.lower
    if field.type == FieldDescriptor.TYPE_STRING:
        return str if field.name in AS_COPIED else _words
    return _count


def _words(text: str) -> str:
    if problem := trouble_of_words(text):
        raise CellWrong(problem, text=text)
    return text


def _count(text: str) -> int:
    if not (found := COUNT.fullmatch(text)):
        raise CellWrong("cell.number", text=text)
    return int(found[1])


def _share(is_percent: bool, text: str) -> int:
    try:
        return ppm_of(text, is_percent=is_percent)
    except ValueError:
        raise CellWrong("cell.share", text=text) from None


def _boolean(text: str) -> bool:
    if text.casefold() in TRUE:
        return True
    if text.casefold() in FALSE:
        return False
    raise CellWrong("cell.boolean", text=text)


def _choice(field: FieldDescriptor, text: str) -> int:
    known = enum_choices(field)
    name = slug(text)
    if name not in known:
        raise CellWrong("cell.choice", text=text, choices=", ".join(known))
    return known[name]


def _amount(text: str) -> str:
    try:
        return money.dong_of(text)
    except ValueError:
        problem = "cell.fraction" if money.is_fraction(text) else "cell.amount"
        raise CellWrong(problem, text=text) from None


@lru_cache(SEEN_MAX)
def _day(text: str) -> str:
    if found := YEAR_FIRST.fullmatch(text):
        year, month, day = found.groups()
    elif found := DAY_FIRST.fullmatch(text):
        day, month, year = found.groups()
    elif named := named_day(text):
        year, month, day = map(str, named)
    else:
        raise CellWrong("cell.day_missing" if NO_DAY.fullmatch(text) else "cell.day", text=text)
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise CellWrong("cell.day", text=text) from None
