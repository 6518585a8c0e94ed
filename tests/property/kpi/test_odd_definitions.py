"""Definitions that no indicator of the repository has, counted by fold and SQL alike."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.months import month_text
from services.kpi.domain.parking import UNLIMITED
from services.kpi.oracle.recompute import CellKey, LogRecord, recompute
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.wire.catalogue import decode_catalogue
from tests.property.kpi.test_rebuilding import OWNED, MemoryLedger
from tests.property.kpi.test_spoilt_values import EVENTS, event
from tests.unit.kpi.builders import FakeRecord, catalogue_message, record

LOGS = 100
RULES = catalogue_pb2.CountingRule
Condition = catalogue_pb2.Condition
Words = catalogue_pb2.Values
KINDS = ("publication", "joint_project", "training", "facility", "product", "expert")


def component(kind: str, *where: Condition, **fields: Any) -> catalogue_pb2.Component:
    rule = fields.pop("rule", "WHOLE")
    made = catalogue_pb2.Component(type=kind, date="happened_on", where=where, **fields)
    made.rule = RULES.Value(f"COUNTING_RULE_{rule}")
    return made


ALPHA, QUOTED = Words(values=["alpha"]), Words(values=["O'Brien", "ai"])
DEFINITIONS = (
    component("publication", Condition(field="indexes", at_least=2)),
    component("publication", Condition(field="indexes", present=True)),
    component("publication", Condition(field="fields", minimum=catalogue_pb2.Minimum(otherwise=2))),
    component("joint_project", Condition(field="institutions", any_of=ALPHA)),
    component("joint_project", Condition(field="institutions", none_of=ALPHA)),
    component("joint_project", Condition(field="institutions", present=False)),
    component(
        "joint_project",
        Condition(field="institutions", minimum=catalogue_pb2.Minimum(otherwise=3)),
    ),
    component("training", Condition(field="partner", any_of=QUOTED)),
    component("training", Condition(field="evidence", none_of=Words(values=["2"]))),
    component("publication", member="quartile", rule="DISTINCT"),
    component("product", member="trl", rule="DISTINCT"),
    component("expert", member="started_on", rule="DISTINCT"),
    component("any", Condition(field="reported_on", present=True), rule="CLAIMS"),
    component("any", Condition(field="institutions", at_least=2), rule="CLAIMS"),
)
CUTS = {"joint_project": ["institutions", "fields"], "facility": ["in_kind"], "product": ["trl"]}


def message() -> catalogue_pb2.Catalogue:
    """These definitions over the small tree, each an indicator, and plain ones with odd cuts."""
    made = catalogue_pb2.Catalogue(version=1, units=catalogue_message().units)
    for number, each in enumerate(DEFINITIONS):
        made.indicators.add(code=f"ODD-{number:02}").value.CopyFrom(each)
    for number, (kind, cuts) in enumerate(CUTS.items()):
        made.indicators.add(code=f"CUT-{number:02}", cuts=cuts).value.CopyFrom(component(kind))
    return made


def log(seed: int) -> list[FakeRecord]:
    rng = random.Random(seed)
    kinds = rng.choices(KINDS, k=2)
    return [record(at, event(rng, rng.choice(kinds))) for at in range(EVENTS)]


def folded(records: list[FakeRecord], catalogue: Catalogue) -> dict[CellKey, int]:
    ledger = MemoryLedger()
    PartitionFold(OWNED, catalogue, ledger, UNLIMITED).apply(records)
    return {
        (unit_id, month_text(month), column, member): value
        for (unit_id, month), row in ledger.rows_by_place.items()
        for (column, member), value in row.items()
    }


@pytest.fixture(scope="module")
def both() -> tuple[dict[int, dict[CellKey, int]], dict[int, dict[CellKey, int]]]:
    """What fold and SQL make of the same logs: number of a log -> its cells."""
    catalogue = decode_catalogue(message())
    logs = {seed: log(seed) for seed in range(1, LOGS + 1)}
    said = [LogRecord(seed, r.value or b"") for seed, some in logs.items() for r in some]
    return {seed: folded(some, catalogue) for seed, some in logs.items()}, recompute(
        said, message()
    )


COLUMNS = [f"ODD-{number:02}" for number in range(len(DEFINITIONS))] + [
    f"CUT-{number:02}{end}"
    for number, cuts in enumerate(CUTS.values())
    for end in ("", *(f"/by-{cut}" for cut in cuts))
]


@pytest.mark.parametrize("column", COLUMNS)
def test_fold_and_sql_agree(column: str, both: tuple[dict[int, dict[CellKey, int]], ...]) -> None:
    ours, theirs = (
        {
            (seed, key): value
            for seed, cells in some.items()
            for key, value in cells.items()
            if key[2].partition(":")[0] == column
        }
        for some in both
    )
    assert ours == theirs
    # A definition that counts nothing would show nothing; no work has no institution.
    assert ours or column == "ODD-05"
