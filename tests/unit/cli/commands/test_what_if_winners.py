"""Who wins and loses by another catalogue, unit by unit."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1 import catalogue_service_pb2 as api
from services.cli.commands.what_if_winners import (
    directions_of,
    outcome,
    totals_json,
    winners_and_losers,
)
from services.cli.terminal.screen import Screen
from services.texts import Lang

VERIFIED = kpi_service_pb2.MEASURE_VERIFIED
Indicator = catalogue_pb2.Indicator
DIRECTIONS = directions_of(
    [
        Indicator(code="MORE"),
        Indicator(code="LESS", direction="down"),
        Indicator(code="ODD", direction="none"),
    ]
)


def value(content: int | tuple[int, int] | None) -> view_pb2.Value | None:
    if content is None:
        return None
    if isinstance(content, int):
        return view_pb2.Value(whole=content)
    return view_pb2.Value(ratio=view_pb2.Ratio(numerator=content[0], denominator=content[1]))


def change(unit: str, code: str, before: Any, after: Any, works: int = 1) -> api.CellChange:
    return api.CellChange(
        unit_id=unit,
        indicator_code=code,
        measure=VERIFIED,
        before=value(before),
        after=value(after),
        works=works,
        work_keys=["doi:10.1/a"],
    )


@pytest.mark.parametrize(
    ("code", "before", "after", "wanted"),
    [
        ("MORE", 1, 3, "wins"),
        ("MORE", 3, 1, "loses"),
        ("LESS", 3, 1, "wins"),
        ("LESS", (1, 2), (3, 4), "loses"),
        ("MORE", (1, 3), (2, 3), "wins"),
        ("MORE", (2, 4), (3, 6), "changes"),
        ("ODD", 1, 3, "changes"),
        ("MORE", (0, 0), (1, 2), "changes"),
        ("MORE", None, 3, "changes"),
        ("GONE", 3, None, "changes"),
    ],
)
def test_a_unit_wins_where_its_number_moves_to_the_better_side(
    code: str, before: Any, after: Any, wanted: str
) -> None:
    assert outcome(change("vnu", code, before, after), DIRECTIONS) == wanted


CHANGES = [
    change("vnu", "LESS", 1, 2),
    change("vnu", "MORE", 1, 9, works=8),
    change("vnu", "ODD", 1, 2),
    change("vnu", "MORE", 5, 4),
    change("hust", "MORE", 2, 1),
]


def test_totals_are_told_by_unit_and_measure() -> None:
    assert totals_json(CHANGES, DIRECTIONS) == [
        {"unit": "vnu", "measure": "verified", "wins": 1, "loses": 2, "changes": 1},
        {"unit": "hust", "measure": "verified", "wins": 0, "loses": 1, "changes": 0},
    ]


def shown(*changes: api.CellChange) -> list[str]:
    out = io.StringIO()
    table = winners_and_losers(Screen(lang=Lang.en), "title", changes, DIRECTIONS)
    Console(file=out, width=150).print(table)
    return out.getvalue().splitlines()


def test_each_unit_has_its_totals_then_winners_then_losers_then_the_others() -> None:
    lines = [line for line in shown(*CHANGES) if any(w in line for w in ("wins", "▲", "▼", "•"))]
    found = [line.replace("│", " ").split() for line in lines]
    assert [words[:7] for words in found] == [
        ["vnu", "wins", "1,", "loses", "2,", "others", "1"],
        ["▲", "MORE", "1", "9", "+8", "8", "doi:10.1/a"],
        ["▼", "LESS", "1", "2", "+1", "1", "doi:10.1/a"],
        ["▼", "MORE", "5", "4", "-1", "1", "doi:10.1/a"],
        ["•", "ODD", "1", "2", "+1", "1", "doi:10.1/a"],
        ["hust", "wins", "0,", "loses", "1,", "others", "0"],
        ["▼", "MORE", "2", "1", "-1", "1", "doi:10.1/a"],
    ]


def test_nothing_that_changes_is_one_line() -> None:
    assert shown() == ["no number would change"]
