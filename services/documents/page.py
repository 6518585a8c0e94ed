"""A report laid out for a reader: sentences and tables, however they are then written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in a row: what is reached and expected, as parts of the target, and the standing."""

    reached: Fraction
    expected: Fraction | None
    standing: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of texts; ``bar`` is drawn in the column `bar`, whose text is empty."""

    texts: Sequence[str]
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report.

    Args:
        title: its heading.
        columns: (heading, whether it is aligned to the right) of each column.
        rows: its rows.
        bar_column: number of the column with bars; -1 for none.
        main: numbers of the columns that are kept where not all fit; of the others the last one
            goes first.
        note: a sentence below it; empty for none.
    """

    title: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Row]
    main: Sequence[int]
    bar_column: int = -1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A report in the language of a reader.

    Args:
        title: unit and period.
        summary: how many targets are reached, on pace and behind.
        sections: its tables.
        frame: what the numbers were computed from, as sentences.
        newest_at: when the newest event that counts was made; None before the first.
    """

    title: str
    summary: str
    sections: Sequence[Section]
    frame: Sequence[str]
    newest_at: datetime | None
