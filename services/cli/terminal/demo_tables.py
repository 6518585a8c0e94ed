"""Renders the end of the demo: on one screen, whether the targets are on pace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.amounts import Form
from services.cli.terminal.amounts import amount_text
from services.cli.terminal.kpi_tables import Names, is_over
from services.cli.terminal.render import NOTHING, number_text, percent_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.tables import WholeTable
from services.cli.terminal.target_tables import gap_of, standing_of
from services.texts import Lang

FORMS: dict[Lang, Form] = {Lang.vi: "long", Lang.en: "short"}
"""Language -> form of amounts that fits 80 columns; Vietnamese has no familiar abbreviations."""


def targets_table(screen: Screen, names: Names, cells: Sequence[view_pb2.Cell]) -> WholeTable:
    """Return a table with a row per target, the ones furthest behind first.

    Targets that are equally far behind, or not behind, are sorted by the reached part.

    Args:
        screen: language of the texts.
        names: names and units of measure of the indicators.
        cells: values of one unit, one per indicator; those without a target that can be judged are
            left out.
    """
    found = sorted(filter(_has_target, cells), key=lambda cell: (-gap_of(cell), _share(cell)))
    table = screen.table("indicator", "name", ">value", ">target", ">share", "pace")
    for cell in found:
        unit = names.units_of_value.get(cell.indicator_code, "")
        table.add_row(
            cell.indicator_code,
            names.indicators.get(cell.indicator_code, ""),
            *(
                amount_text(amount, unit, screen.lang, form=FORMS[screen.lang])
                for amount in (cell.verified.whole, cell.target)
            ),
            percent_text(_share(cell), screen.lang) if cell.target else NOTHING,
            screen.text(f"demo.{_told(cell)}"),
        )
    return table


def standings_text(screen: Screen, cells: Sequence[view_pb2.Cell]) -> str:
    """Return a sentence with the numbers of targets in all, on pace or reached, and behind.

    Each cell is the value of one indicator; one without a target that can be judged does not count.
    """
    found = [cell for cell in cells if _has_target(cell)]
    counts = Counter(map(standing_of, found))
    return screen.text(
        "demo.standings",
        targets=len(found),
        on_pace=counts["on_pace"] + counts["reached"],
        behind=counts["behind"],
    )


def joint_text(
    screen: Screen, names: Names, code: str, overlaps: kpi_service_pb2.ListOverlapsResponse
) -> str:
    """Return a sentence on works that several universities claim: how many there are.

    It compares the sum over the universities with the number in which each work counts once.

    Args:
        screen: language of the text.
        names: names of the indicators.
        code: code of an indicator that counts works.
        overlaps: these works of the indicator, and both numbers.
    """
    numbers = {
        "works": len(overlaps.overlaps),
        "sum": overlaps.sum_of_children,
        "whole": overlaps.whole,
        "again": overlaps.sum_of_children - overlaps.whole,
    }
    shown = {name: number_text(number, screen.lang) for name, number in numbers.items()}
    return screen.text("demo.joint", code=code, name=names.indicators.get(code, ""), **shown)


def _has_target(cell: view_pb2.Cell) -> bool:
    return cell.HasField("target") and cell.verified.HasField("whole") and cell.HasField("pace")


def _told(cell: view_pb2.Cell) -> str:
    standing = standing_of(cell)
    return "missed" if standing == "behind" and is_over(cell.pace) else standing


def _share(cell: view_pb2.Cell) -> float:
    return cell.verified.whole / cell.target if cell.target else 1.0
