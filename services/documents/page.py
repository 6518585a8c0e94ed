"""A report laid out as titles, sentences and tables, independent of the format of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in a row of a table, which shows progress towards a target.

    Args:
        reached: the value reached, as a fraction of the target; may exceed 1 or be negative.
        expected: the value expected by now, as a fraction of the target; None if nothing is.
        standing: `reached`, `on_pace` or `behind`, which decides the colour; empty if the progress
            is not judged.
    """

    reached: Fraction
    expected: Fraction | None
    standing: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Args:
        texts: the text of each column of the section; empty in the column with the bar.
        bar: bar to draw in the section's bar column; None for a row without a target.
    """

    texts: Sequence[str]
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report.

    Args:
        title: heading above the table.
        columns: heading of each column, and whether the column is aligned to the right.
        rows: the rows, each with a text for every column.
        main: indexes of the columns to keep where not all fit; the other columns are dropped from
            the last one backwards.
        bar_column: index of the column with the bars; -1 for none.
        note: sentence below the table; empty for none.
    """

    title: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Row]
    main: Sequence[int]
    bar_column: int = -1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A report in the language of its reader.

    Args:
        title: unit and period.
        summary: sentence below the title, e.g. how many targets are reached, on pace and behind.
        sections: the tables, in the order in which they appear.
        frame: sentences below the tables that say what the numbers were computed from.
        newest_at: time of the newest event that the numbers include; None if they include none.
        address: address that the printed page leads back to by a QR code; empty for none.
    """

    title: str
    summary: str
    sections: Sequence[Section]
    frame: Sequence[str]
    newest_at: datetime | None
    address: str = ""
