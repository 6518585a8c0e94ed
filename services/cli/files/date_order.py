"""Judges the dates of a file together: who wrote them day first, and who month first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.cli.files.cells import Cell, cell_text
from services.cli.files.field_values import is_day_first, is_month_first, is_short_date


@dataclass
class DateOrder:
    """What the cells of each column of dates prove.

    ``month_first`` and ``day_first`` are column -> the text that can be read in no other way;
    ``typed`` are columns with real dates of a spreadsheet, none of them after a 12th.

    A spreadsheet that expects the month first takes 04/02/2021 for the second of April, and leaves
    31/03/2021 the text that it is: such a column has real dates of early days next to texts of late
    ones.
    """

    month_first: dict[str, str] = field(default_factory=dict)
    day_first: dict[str, str] = field(default_factory=dict)
    typed: dict[str, bool] = field(default_factory=dict)

    def look_at(self, days: Mapping[int, str], rows: Iterable[Sequence[Cell]]) -> None:
        """Take note of rows; ``days`` are position -> name of each column of dates."""
        for cells in rows:
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
        """Yield column, problem and proof of each cell of a row that may be read in two ways."""
        if not self.month_first and not self.day_first:
            return
        for name, cell in row.items():
            if proof := self._proof(name):
                if is_short_date(cell):
                    yield name, "cell.month_first", proof
            elif name in self.day_first and self.typed.get(name) and isinstance(cell, date):
                yield name, "cell.mixed_dates", self.day_first[name]

    def _proof(self, name: str) -> str:
        """Return what proves that a column is month first: itself, or another of the file."""
        if name in self.month_first or name in self.day_first:
            return self.month_first.get(name, "")
        return next(iter(self.month_first.values()), "")
