"""The benchmark must not rot: its log is what it says, and its smallest run measures something."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

from kieng.submissions.v1 import events_pb2
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from tests.benchmark.figures import Figure, quantiles, write
from tests.benchmark.generator import TYPE, Generated, Generator, units
from tests.benchmark.inside import fold_in_memory
from tests.benchmark.machine import catalogue

EVENTS = 5000


def log(seed: int = 1, count: int = EVENTS) -> list[Generated]:
    return list(Generator(seed).records(count))


def said(records: list[Generated]) -> list[events_pb2.SubmissionChanged]:
    return [events.decode_changed(record.value) for record in records]


def frozen() -> Catalogue:
    return decode_catalogue(catalogue())


def test_a_seed_decides_every_byte() -> None:
    assert log(count=500) == log(count=500)
    assert log(count=500) != log(seed=2, count=500)


def test_the_tree_has_784_units_in_four_levels() -> None:
    tree = frozen().tree
    assert len(units()) == len(tree.ids) == 784
    assert Counter(len(path) for path in tree.ancestors) == {1: 1, 2: 3, 3: 39, 4: 741}


def test_the_log_has_the_promised_mixture() -> None:
    records = log()
    changes = said(records)
    repeated = sum(a == b for a, b in pairwise(records))
    amended = sum(e.HasField("declared") and e.version > 1 for e in changes)
    withdrawn = sum(not e.HasField("declared") for e in changes)
    claims: dict[str, set[str]] = {}
    for event in changes:
        claims.setdefault(event.work_key, set()).add(event.submission_id)
    joint = sum(len(subs) > 1 for subs in claims.values()) / len(claims)
    assert 0.015 < repeated / EVENTS < 0.025
    assert 0.13 < amended / EVENTS < 0.17
    assert 0.02 < withdrawn / EVENTS < 0.04
    # Some second claims have not come yet when the log ends.
    assert 0.09 < joint < 0.14


def test_every_record_is_a_cloud_event_that_the_fold_counts() -> None:
    records, folded = log(count=500), frozen()
    assert {dict(record.headers)["ce_type"] for record in records} == {TYPE.encode()}
    statements = [(event, events.decode_statement(event, folded, b"")) for event in said(records)]
    rows: dict[RowKey, dict[CellKey, int]] = {}
    fold_in_memory(statements, {}, rows, folded)
    counted = {column.partition(":")[0] for row in rows.values() for column, _ in row}
    assert counted >= {"KNW-03", "COM-03", "STA-01", "ENT-12"}
    assert len({unit for unit, _ in rows}) > 300


def test_figures_are_written_as_a_list_of_objects(tmp_path: Path) -> None:
    times = [number / 1000 for number in range(1, 101)]
    figures = [Figure("a", 1.5, "us", 3, {"x": 1}), *quantiles("b", times)]
    write(figures, tmp_path / "deep" / "bench.json")
    found = json.loads((tmp_path / "deep" / "bench.json").read_text())
    assert found[0] == {"name": "a", "value": 1.5, "unit": "us", "samples": 3, "config": {"x": 1}}
    assert [(f["name"], f["value"]) for f in found[1:]] == [("b p50", 51.0), ("b p99", 100.0)]
