"""Renders what changed between two positions of the log: the cells, and the works behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.cli.terminal.edition_tables import cell_lines, changes_of, check_text, who_of
from services.cli.terminal.frame import frame_text
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import number_text
from services.cli.terminal.screen import Screen

SHOWN_MAX = 100
KINDS = ("entered", "left", "changed")
_KIND_OF_CAUSE = {
    api.RestatedClaim.CAUSE_LATE: "entered",
    api.RestatedClaim.CAUSE_NEWLY_VERIFIED: "entered",
    api.RestatedClaim.CAUSE_WITHDRAWN: "left",
    api.RestatedClaim.CAUSE_REJECTED: "left",
}


def kind_of(line: api.Restatement) -> str:
    """Return whether a work `entered` the numbers, `left` them, or `changed` them in another way.

    It entered if all its changed claims are late or newly verified, and every number rose; it left
    if all of them were withdrawn or rejected, and every number fell.
    """
    kinds = {_KIND_OF_CAUSE.get(claim.cause, "changed") for claim in line.claims}
    kind = kinds.pop() if len(kinds) == 1 else "changed"
    sign = {"entered": 1, "left": -1}.get(kind, 0)
    numbers = (_number(change.difference) for change in line.changes)
    return kind if sign and all(number * sign > 0 for number in numbers) else "changed"


def _number(value: view_pb2.Value) -> int:
    return value.ratio.numerator or value.ratio.denominator or value.whole


def difference(
    screen: Screen,
    names: Names,
    lines: Sequence[api.Restatement],
    cells: Sequence[api.RestatedCell],
    last: Any,
    every: bool,
    exact: bool = False,
) -> list[RenderableType]:
    """Return the parts of the answer, from a summary to a sentence on whether the works add up.

    In between are what the numbers were computed from, a table of the cells, and one of the works.
    A table without rows is left out.

    Args:
        screen: language of the texts.
        names: names of units and indicators.
        lines: works that changed a number, each with the claims that did it.
        cells: numbers that changed, one per unit and indicator.
        last: last message of the comparison, with the view and the result of the check.
        every: whether to list all works instead of the first 100.
        exact: whether to write every digit of an amount of money.
    """
    kinds = [kind_of(line) for line in lines]
    counts = {kind: number_text(kinds.count(kind), screen.lang) for kind in KINDS}
    check = check_text(screen, len(lines), len(cells), last.adds_up)
    shown: list[RenderableType] = [screen.text("diff.summary", **counts)]
    shown.append(frame_text(screen, last.view))
    if cells:
        shown.append(cell_lines(screen, names, cells, "before", exact))
    if lines:
        shown.append(_works(screen, names, lines if every else lines[:SHOWN_MAX]))
    if not every and len(lines) > SHOWN_MAX:
        shown.append(screen.text("diff.more", shown=SHOWN_MAX, works=len(lines)))
    return [*shown, check]


def _works(screen: Screen, names: Names, lines: Sequence[api.Restatement]) -> RenderableType:
    table = screen.table("kind", "work_key", "change", "who")
    for line in sorted(lines, key=lambda line: (KINDS.index(kind_of(line)), line.work_key)):
        table.add_row(
            screen.text(f"diff.{kind_of(line)}"),
            line.work_key,
            "\n".join(changes_of(screen, names, line.changes)),
            "\n".join(who_of(screen, claim) for claim in line.claims),
        )
    return table
