"""Whatever a value looks like, fold and SQL count it alike, or both leave its record out."""

from __future__ import annotations

import os
import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2
from services.kpi.domain.cube import Cube
from services.kpi.domain.months import month_text
from services.kpi.domain.parking import UNLIMITED
from services.kpi.oracle.recompute import LogRecord, recompute
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.wire.forms import limits
from tests.property.kpi.test_rebuilding import OWNED, MemoryLedger
from tests.simulation.spoilt_values import spoil
from tests.unit.kpi.builders import (
    INSTITUTIONS,
    UNITS,
    FakeRecord,
    catalogue_message,
    real_catalogue,
    record,
)

LOGS = 600 if "DEEP" in os.environ else 120
EVENTS = 14
KINDS = tuple(facts_pb2.Facts.DESCRIPTOR.fields_by_name)
DAYS = ("2025-01-05", "2025-02-28", "2025-02-28", "2025-03-01", "2024-12-31")


def value_of(rng: random.Random, field: FieldDescriptor) -> Any:
    """A value as the product writes it."""
    if field.enum_type is not None:
        return rng.choice([number for number in field.enum_type.values_by_number if number])
    if field.name.endswith("_on"):
        return rng.choice(DAYS)
    if field.name.endswith("_vnd"):
        return str(rng.randrange(10**12))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        low, high = limits(field)
        return rng.choice((low, high, rng.randint(low, min(high, 20))))
    if field.name == "payer_unit_id":
        return rng.choice(UNITS)
    return rng.choice(("ai", "semiconductor", "cybersecurity", "alpha", "beta", "gamma"))


def claim(rng: random.Random, kind: str, institution: str) -> events_pb2.Claim:
    """A claim on a work of any type, with most of its facts."""
    units = [unit for unit in UNITS if unit.partition("/")[0] == institution]
    made = events_pb2.Claim(
        unit_id=rng.choice(units),
        part=rng.choice(submission_pb2.Part.values()),
        source=rng.choice(submission_pb2.Source.values()),
        share_ppm=rng.choice((0, 0, 333_333, 1_000_000)),
    )
    message = getattr(made.facts, kind)
    message.SetInParent()
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.2:
            continue
        if field.is_repeated:
            getattr(message, field.name).extend([value_of(rng, field) for _ in range(2)])
        else:
            setattr(message, field.name, value_of(rng, field))
    return made


def event(rng: random.Random, kind: str) -> events_pb2.SubmissionChanged:
    """A new version of one of few submissions, about one of few works."""
    institution = rng.choice(INSTITUTIONS)
    made = events_pb2.SubmissionChanged(
        submission_id=f"s{rng.randrange(3)}",
        version=rng.randrange(1, 9),
        institution_id=institution,
        work_key=f"{kind}:{rng.randrange(2)}",
        reported_on=rng.choice(("", "2025-03-01")),
    )
    if rng.random() < 0.8:
        made.changed_at.FromSeconds(1_740_000_000 + rng.randrange(10) * 40_000)
    if rng.random() < 0.9:
        made.declared.CopyFrom(claim(rng, kind, institution))
        if rng.random() < 0.7:
            made.verified.CopyFrom(made.declared)
            if rng.random() < 0.5:
                made.verified_at.FromSeconds(1_740_000_000 + rng.randrange(4))
    return made


def log(seed: int) -> list[FakeRecord]:
    """Events about works of one or two types, every other one with a value that is drawn anew."""
    rng = random.Random(seed)
    kinds = rng.choices(KINDS, k=2)
    made = [event(rng, rng.choice(kinds)) for _ in range(EVENTS)]
    return [record(at, spoil(rng, e) if rng.random() < 0.5 else e) for at, e in enumerate(made)]


def folded(records: list[FakeRecord]) -> tuple[Cube, int]:
    ledger = MemoryLedger()
    fold = PartitionFold(OWNED, real_catalogue(), ledger, UNLIMITED)
    fold.apply(records)
    cube = Cube(real_catalogue())
    for (unit_id, month), cells in ledger.rows_by_place.items():
        cube.put(0, unit_id, month, cells)
    return cube, len(ledger.parked)


def test_fold_and_sql_agree_about_values_that_resemble_those_of_the_contract() -> None:
    logs = {seed: log(seed) for seed in range(1, LOGS + 1)}
    said = [LogRecord(seed, r.value or b"") for seed, some in logs.items() for r in some]
    expected = recompute(said, catalogue_message())
    parked = 0
    for seed, records in logs.items():
        cube, left_out = folded(records)
        parked += left_out
        found = {
            (unit_id, month_text(month), column, member): value
            for (_, unit_id, month), row in cube.rows().items()
            for (column, member), value in row.items()
        }
        assert found == expected.get(seed, {}), f"seed {seed}"
    # Most of them count: two readers that refuse everything would agree, too.
    assert LOGS * EVENTS * 0.05 < parked < LOGS * EVENTS * 0.4
