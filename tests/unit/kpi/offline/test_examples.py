"""Every deployed indicator does what its example says, in the fold and in SQL."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.months import month_text
from services.kpi.offline.examples import check_folder, cube_of, read, run
from services.kpi.offline.verification import catalogue_message
from services.kpi.oracle.recompute import CellKey, LogRecord, recompute
from services.kpi.wire.catalogue import decode_catalogue

DEPLOY = Path(__file__).parents[4] / "deploy"
EXAMPLES = DEPLOY / "catalogue" / "examples"


@cache
def message() -> catalogue_pb2.Catalogue:
    return catalogue_message(
        DEPLOY / "catalogue" / "indicators.yaml", DEPLOY / "directory" / "units.yaml"
    )


@cache
def catalogue() -> Catalogue:
    return decode_catalogue(message())


CODES = [indicator.code for indicator in message().indicators]


@cache
def cells_of_sql() -> dict[int, dict[CellKey, int]]:
    """What SQL makes of all examples, each a run of its own: one recompute for all."""
    log = [
        LogRecord(run, event.SerializeToString())
        for run, code in enumerate(CODES)
        for event in read(EXAMPLES / f"{code}.yaml", catalogue()).events
    ]
    return recompute(log, message())


def test_there_is_an_example_of_every_indicator() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(CODES)
    assert len(CODES) == 49


@pytest.mark.parametrize("code", CODES)
def test_an_indicator_does_what_its_example_says(code: str) -> None:
    example = read(EXAMPLES / f"{code}.yaml", catalogue())
    assert run(example, catalogue(), code) == []
    cube = cube_of(example, catalogue())
    cells = {
        (unit_id, month_text(month), column, member): value
        for (_, unit_id, month), row in cube.rows().items()
        for (column, member), value in row.items()
    }
    assert cells == cells_of_sql()[CODES.index(code)]


@pytest.mark.parametrize("code", CODES)
def test_an_example_shows_what_counts_and_what_does_not(code: str) -> None:
    document = yaml.load((EXAMPLES / f"{code}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    assert len({cell["unit"] for cell in document["cells"]}) >= 2
    assert any(numerator(cell) for cell in document["cells"])
    assert len(document["claims"]) >= 2


def numerator(cell: dict[str, Any]) -> int:
    value = cell.get("is", 0)
    return int(value[0] if isinstance(value, list) else value)


def test_a_wrong_example_says_where_it_differs(tmp_path: Path) -> None:
    good = (EXAMPLES / "KNW-03.yaml").read_text(encoding="utf-8")
    (tmp_path / "KNW-03.yaml").write_text(good.replace("hust, is: 1", "hust, is: 7"))
    (tmp_path / "KNW-04.yaml").write_text("claims: []\ncells: []\nmore: 1\n")
    (tmp_path / "KNW-05.yaml").write_text("claims: [{colour: red}]\ncells: []\n")
    (tmp_path / "ZZZ-99.yaml").write_text("claims: []\ncells: []\n")
    count, wrong = check_folder(tmp_path, catalogue())
    assert count == 4
    assert [line.partition(": ")[2] for line in wrong] == [
        "hust 2025-01 to 2025-12 declared: is 1, not 7",
        "hust 2025-01 to 2025-12 verified: is 1, not 7",
        "an example has claims and cells",
        "claims[0] has no 'colour'",
        "the catalogue has no indicator ZZZ-99",
    ]
