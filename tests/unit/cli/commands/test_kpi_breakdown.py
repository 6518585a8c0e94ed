"""Numbers split by terms and by houses, as people and programs read them."""

from __future__ import annotations

import io

from kieng.kpi.v1 import view_pb2
from services.cli.commands import kpi_breakdown
from services.cli.commands.up import CATALOGUE
from services.cli.files.catalogue_yaml import read
from services.cli.terminal.escaping import EscapingConsole
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import cell_json
from services.cli.terminal.screen import Screen
from services.texts import Lang

NAMES = Names.of(read(CATALOGUE), Lang.en)


def cell(code: str = "KNW-07", **terms: int) -> view_pb2.Cell:
    made = view_pb2.Cell(
        unit_id="vnu", indicator_code=code, from_month="2025-01", to_month="2025-07"
    )
    made.verified.whole = made.declared.whole = 3
    if terms:
        made.split.by = "field"
        again = sum(terms.values()) - 3
        made.split.declared_again.whole = made.split.verified_again.whole = again
    for term, value in terms.items():
        added = made.split.terms.add(term=term)
        added.declared.whole = added.verified.whole = value
    return made


def shown(by: str, *cells: view_pb2.Cell) -> str:
    screen = Screen(lang=Lang.en)
    screen.answers = EscapingConsole(file=io.StringIO(), width=120)
    screen.answers.print(
        kpi_breakdown.table(screen, NAMES, cells, "verified", view_pb2.ViewInfo(), by)
    )
    return screen.answers.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_terms_stand_by_name_below_the_value_that_they_add_up_to() -> None:
    lines = shown("field", cell(ai=2, quantum=2, unclassified=1)).splitlines()
    found = [[part.strip() for part in line.split("│")[4:6]] for line in lines if "│" in line]
    assert found == [
        ["whole value", "3"],
        ["AI and big data", "2"],
        ["Quantum", "2"],
        ["unclassified", "1"],
        ["- in several categories", "2"],
    ]


def test_houses_are_tables_of_their_own() -> None:
    text = shown("house", cell("KNW-07"), cell("STA-01"))
    assert text.index("State") < text.index("STA-01") < text.index("School") < text.index("KNW-07")
    assert kpi_breakdown.asked("house") == ""
    assert kpi_breakdown.asked("field") == "field"


def test_a_program_reads_terms_and_what_counts_again() -> None:
    document = cell_json(cell(ai=2, quantum=2))
    assert document["by"] == "field"
    assert document["terms"][0] == {"term": "ai", "declared": 2, "verified": 2}
    assert document["again"] == {"declared": 1, "verified": 1}
    assert "terms" not in cell_json(cell())
