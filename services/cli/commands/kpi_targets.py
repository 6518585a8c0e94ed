"""Options of `kieng kpi show` for targets: children, those behind, their order, and the trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

import typer

from kieng.kpi.v1 import view_pb2
from services.cli.commands.kpi_history import read_cells
from services.cli.errors import USAGE, Failure
from services.cli.session import Session
from services.cli.terminal.amounts import fraction_of
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.pictures import sparkline
from services.cli.terminal.screen import Screen
from services.cli.terminal.target_tables import by_gap, standing_of

COURSE_MONTHS = 12


class Order(StrEnum):
    """Order of the cells: as they were read, or the furthest behind their target first."""

    catalogue = "catalogue"
    gap = "gap"


Children = Annotated[
    bool, typer.Option("--children", help="The units directly below --unit instead of itself.")
]
TargetsOnly = Annotated[bool, typer.Option("--targets-only", help="Only what has a target.")]
Behind = Annotated[bool, typer.Option("--behind", help="Only targets that are behind.")]
Sort = Annotated[
    Order, typer.Option("--sort", help="gap: the furthest behind first, by the part of the target.")
]
Trend = Annotated[
    bool, typer.Option("--trend", help="Draw the 12 months up to the last one beside each target.")
]
Exact = Annotated[bool, typer.Option("--exact", help="Every dong of an amount, not 52,5 tỷ.")]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Chooses the cells to show, and their order; call it with the cells that were read.

    Args:
        targets_only: whether to leave out cells without a target.
        behind: whether to keep only cells whose target is behind; this leaves out cells without a
            target, too.
        order: order of the cells; by gap, cells without a target are left out as well.
    """

    targets_only: bool
    behind: bool
    order: Order

    @property
    def is_on(self) -> bool:
        """Whether only targets are shown, each in a row of its own."""
        return self.targets_only or self.behind or self.order is Order.gap

    def __call__(self, cells: Sequence[view_pb2.Cell]) -> list[view_pb2.Cell]:
        """Return the cells to show, in order; all of them, unchanged, unless `is_on`."""
        if not self.is_on:
            return list(cells)
        held = [cell for cell in cells if cell.HasField("target")]
        if self.behind:
            held = [cell for cell in held if standing_of(cell) == "behind"]
        return by_gap(held) if self.order is Order.gap else held


def nothing_text(screen: Screen, cells: Sequence[view_pb2.Cell], from_month: str) -> str:
    """Return why no target is shown: no cell has one, or none is behind.

    Args:
        screen: language of the text.
        cells: cells that were read, before they were narrowed.
        from_month: first month that was asked for, `YYYY-MM`.
    """
    has_target = any(cell.HasField("target") for cell in cells)
    key = "kpi.none_behind" if has_target else "kpi.no_target"
    return screen.text(key, year=from_month[:4])


def children_of(names: Names, units: Sequence[str]) -> list[str]:
    """Return the ids of the units directly below some units, in the order of the tree.

    Raises:
        Failure: no unit is named, or none of them has units below it.
    """
    if not units:
        raise Failure("--children: name the unit above them by --unit", USAGE)
    found = [unit for unit, parent in names.parents.items() if parent in units]
    if not found:
        raise Failure(f"--children: there is no unit below {', '.join(units)}", USAGE)
    return found


def courses(
    session: Session,
    cells: Sequence[view_pb2.Cell],
    to_month: str,
    as_of: str = "",
    at: str = "",
    replay: bool = False,
) -> dict[tuple[str, str], str]:
    """Return (unit id, indicator code) -> sparkline of the verified values of 12 months.

    A sparkline has one character per month, the last one for ``to_month``; see `sparkline`.

    Args:
        session: session of the command.
        cells: values whose units and indicators are drawn.
        to_month: last month, `YYYY-MM`.
        as_of: day at whose end the numbers are read; empty for the present.
        at: position of the log up to which to recompute them; empty for none.
        replay: whether to recompute the numbers of ``as_of`` even if the day is kept.
    """
    last = int(to_month[:4]) * 12 + int(to_month[5:]) - 1
    first = last - COURSE_MONTHS + 1
    selection = view_pb2.Selection(
        unit_ids=dict.fromkeys(cell.unit_id for cell in cells),
        indicator_codes=dict.fromkeys(cell.indicator_code for cell in cells),
        from_month=f"{first // 12:04d}-{first % 12 + 1:02d}",
        to_month=to_month,
        by_month=True,
    )
    series: dict[tuple[str, str], list[Fraction | None]] = {}
    for cell in read_cells(session, selection, "", as_of, at, replay).cells:
        place = (cell.unit_id, cell.indicator_code)
        series.setdefault(place, []).append(fraction_of(cell.verified))
    return {place: sparkline(values) for place, values in series.items()}
