"""Labels are bounded: more submissions make no more series."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from services.kernel import metrics as kernel
from services.kernel.metrics import show
from services.kpi.domain.cube import Cube
from services.kpi.domain.targets import Target
from services.kpi.metrics import JOINT_CLAIMS_OPEN, TARGET, VALUE
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.query.prometheus import figures
from services.kpi.store.ledger import PartitionLease
from services.kpi.store.rows import PackedRow
from services.submissions.metrics import ROWS_IMPORTED
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import UNITS, FakeRecord, real_catalogue

SERVICES = Path(__file__).parents[2] / "services"
SUBMISSIONS = 10_000
BATCH = 500
SERIES_MAX = 4_000
LABELS = {
    *("institution", "indicator", "measure", "year", "state", "view", "outcome", "kind", "service"),
    *("topic", "group", "partition", "database", "part"),
    *("grpc_type", "grpc_service", "grpc_method", "grpc_code", "le"),
    # Of the portal: the route, not the address that was asked for.
    *("page", "status", "reason"),
}
"""Every label there may be. None holds a person, a submission, a work, a partner or a time."""


class Memory:
    """The stored view as the fold needs it, kept in a dict."""

    def __init__(self) -> None:
        self.rows_by_place: dict[tuple[str, int], PackedRow] = {}
        self.works_by_key: dict[str, list[bytes]] = {}

    def works(self, lease: PartitionLease, keys: Any) -> dict[str, list[bytes]]:
        return {key: self.works_by_key[key] for key in keys if key in self.works_by_key}

    def rows(self, lease: PartitionLease, keys: Any) -> dict[Any, Any]:
        return {key: self.rows_by_place[key] for key in keys if key in self.rows_by_place}

    def commit(self, flush: Any) -> None:
        self.rows_by_place |= flush.rows
        self.works_by_key |= {key: work["c"] for key, work in flush.works.items()}


def declared() -> Iterator[tuple[str, MetricWrapperBase]]:
    for path in sorted(SERVICES.glob("*/metrics.py")):
        module = importlib.import_module(f"services.{path.parent.name}.metrics")
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                yield path.parent.name, metric


def series() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Names and labels of all that a scrape would show of ours."""
    return {
        (sample.name, tuple(sorted(sample.labels.items())))
        for metric in REGISTRY.collect()
        if metric.name.startswith(("kieng_", "grpc_server_"))
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def happen(fold: PartitionFold, memory: Memory, batch: list[FakeRecord]) -> None:
    """What the processes do with the metrics while submissions come in."""
    dice = random.Random(batch[0].offset)
    fold.apply(batch)
    kernel.note_poll("kieng.kpi", ["kieng.submissions.v1"], {})
    kernel.count_records("kieng.kpi", batch, batch[-1].offset + 1)
    for _ in batch:
        ROWS_IMPORTED.labels(dice.choice(("alpha", "beta")), dice.choice(("created", "same"))).inc()
    cube = Cube(real_catalogue())
    for (unit_id, month), row in memory.rows_by_place.items():
        cube.put(0, unit_id, month, row.cells())
    targets = [Target(unit, "KNW-03", 2025, batch[0].offset + 1) for unit in UNITS]
    found = figures(cube, {target.key: target for target in targets}, 2025 * 12 + 11)
    show(VALUE, found.values)
    show(TARGET, found.targets)
    show(JOINT_CLAIMS_OPEN, found.open_joint_claims)


@pytest.mark.timeout(120)
def test_ten_thousand_submissions_make_no_more_series_than_the_first_thousand() -> None:
    memory = Memory()
    lease = PartitionLease("g1-c1-f1", 0, 1, 0, 0, 0, frozenset())
    fold = PartitionFold(lease, real_catalogue(), memory)  # type: ignore[arg-type]
    records = log(SUBMISSIONS)
    seen: list[int] = []
    for begin in range(0, SUBMISSIONS, BATCH):
        happen(fold, memory, records[begin : begin + BATCH])
        seen.append(len(series()))
    assert len(memory.works_by_key) > 1000
    assert seen[-1] <= seen[1], f"series grow with submissions: {seen}"
    assert seen[-1] < SERIES_MAX
    print(f"\nmeasured: {seen[-1]} series after {SUBMISSIONS} submissions, {seen[1]} after 1,000")


def test_every_label_is_on_the_list() -> None:
    wrong = {
        f"{metric._name}: {label}"
        for _, metric in declared()
        for label in metric._labelnames
        if label not in LABELS
    }
    assert not wrong


def test_every_metric_has_a_name_of_ours_and_says_what_it_means() -> None:
    for service, metric in declared():
        assert metric._name.startswith(("kieng_", "grpc_server_")), f"{service}: {metric._name}"
        assert metric._documentation.endswith("."), f"{metric._name}: {metric._documentation}"
        assert not metric._name.endswith(("_ms", "_milliseconds", "_kb", "_mb"))
