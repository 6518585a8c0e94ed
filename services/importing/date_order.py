"""Judges the dates in a file together: whether they are written day first or month first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.importing.cells import Cell, cell_text
from services.importing.field_values import is_day_first, is_month_first, is_short_date


@dataclass
class DateOrder:
    """What the cells of a file prove about the order of day and month, by column.

    ``month_first`` and ``day_first`` map a column to a text in it that can be read in no other way.
    ``typed`` maps a column with date values of a spreadsheet to whether all their days are at most
    the 12th.

    A spreadsheet that expects the month first reads 04/02/2021 as April 2 and leaves 31/03/2021 a
    text. Such a column has date values with days up to the 12th, and texts with later days.
    """

    month_first: dict[str, str] = field(default_factory=dict)
    day_first: dict[str, str] = field(default_factory=dict)
    typed: dict[str, bool] = field(default_factory=dict)

    @property
    def is_doubtful(self) -> bool:
        """Whether any date of the file may have been written in another order than it is read."""
        return bool(self.month_first) or any(map(self.typed.get, self.day_first))

    def look_at(self, days: Mapping[int, str], cells: Sequence[Cell]) -> None:
        """Take a row into account; ``days`` maps positions of date columns to their names."""
        for position, name in days.items():
            if position < len(cells):
                self._note(name, cells[position])

    def _note(self, name: str, cell: Cell) -> None:
        if isinstance(cell, date):
            self.typed[name] = self.typed.get(name, True) and cell.day <= 12
        elif isinstance(cell, str) and len(cell) >= 8 and not cell[:4].isdigit():
            if name not in self.month_first and is_month_first(cell):
                self.month_first[name] = cell_text(cell)
            if name not in self.day_first and is_day_first(cell):
                self.day_first[name] = cell_text(cell)

    def doubts(self, row: Mapping[str, Cell]) -> Iterator[tuple[str, str, str]]:
        """Yield (column, problem, proof) for each cell of a row whose date is ambiguous.

        The problem is the key of a message, the proof a text in the file that raises the doubt.
        """
        if not self.is_doubtful:
            return
        for name, cell in row.items():
            if proof := self._proof(name):
                if is_short_date(cell):
                    yield name, "cell.month_first", proof
            elif name in self.day_first and self.typed.get(name) and isinstance(cell, date):
                yield name, "cell.mixed_dates", self.day_first[name]

    def _proof(self, name: str) -> str:
        """Return a text that proves that dates are month first, in this or another column.

        Empty if there is none, or if only the day first fits this column.
        """
        if name in self.month_first or name in self.day_first:
            return self.month_first.get(name, "")
        return next(iter(self.month_first.values()), "")
