"""Decides from all dates of a file whether they are written day first or month first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.importing.cells import Cell, cell_text
from services.importing.field_values import is_day_first, is_month_first, is_short_date


@dataclass
class DateOrder:
    """Evidence in the cells of a file for the order of day and month in its dates, by column.

    A spreadsheet that expects the month first reads 04/02/2021 as April 2 and leaves 31/03/2021 as
    text. Such a column has date values with days up to the 12th, and texts with later days.

    Args:
        month_first: column -> its heading if that says so, or a text in it, from which its dates
            can only have the month first.
        day_first: column -> a text in it that can only be a date with the day first.
        typed: column with date values of a spreadsheet -> whether all their days are at most 12.
    """

    month_first: dict[str, str] = field(default_factory=dict)
    day_first: dict[str, str] = field(default_factory=dict)
    typed: dict[str, bool] = field(default_factory=dict)

    @property
    def is_doubtful(self) -> bool:
        """Whether some date of the file may mean another day than the one it would be read as.

        It is so if any column has a date that can only be month first, or if a column has both a
        text that can only be day first and date values whose days are all at most 12.
        """
        return bool(self.month_first) or any(map(self.typed.get, self.day_first))

    def look_at(self, days: Mapping[int, str], cells: Sequence[Cell]) -> None:
        """Add the evidence in the cells of one row to this object.

        Args:
            days: index of each date column -> its name.
            cells: cells of the row; a short row is taken as far as it goes.
        """
        for position, name in days.items():
            if position < len(cells):
                cell = cells[position]
                # Most dates begin with the year, and prove nothing.
                if not (isinstance(cell, str) and cell[:4].isdigit()):
                    self._note(name, cell)

    def _note(self, name: str, cell: Cell) -> None:
        if isinstance(cell, date):
            self.typed[name] = self.typed.get(name, True) and cell.day <= 12
        elif isinstance(cell, str) and len(cell) >= 8:
            if name not in self.month_first and is_month_first(cell):
                self.month_first[name] = cell_text(cell)
            if name not in self.day_first and is_day_first(cell):
                self.day_first[name] = cell_text(cell)

    def doubts(self, row: Mapping[str, Cell]) -> Iterator[tuple[str, str, str]]:
        """Yield (column, problem, proof) for each cell of a row whose date is ambiguous.

        To be called after all rows have been looked at. The problem is the key of a message:
        `cell.month_first` for a text such as 03/04/2021 whose first number may be the month, or
        `cell.mixed_dates` for a date value in which a spreadsheet may have swapped day and month.
        The proof is the text elsewhere in the file that raises the doubt.

        Args:
            row: column -> cell.
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
        """Return a text that proves month-first dates in a column, or else in any other column.

        Empty if there is none, or if the column itself has a date that can only be day first.
        """
        if name in self.month_first or name in self.day_first:
            return self.month_first.get(name, "")
        return next(iter(self.month_first.values()), "")
