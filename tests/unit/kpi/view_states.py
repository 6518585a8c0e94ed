"""Catalogues, snapshots and targets in memory, and the states of a view that come of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.cube import Cube
from services.kpi.domain.targets import Target
from services.kpi.query.live_view import LiveView, ViewState
from services.kpi.store.reads import Progress, StoredRow
from services.kpi.store.views import View
from tests.unit.kpi.builders import JANUARY, real_catalogue


def view(view_id: str = "g1-c1-f1") -> View:
    return View(view_id, "live", 1, "topic", 1, ())


def row(value: int, unit: str = "alpha", partition: int = 0) -> StoredRow:
    return StoredRow(partition, unit, JANUARY, {("KNW-01:verified", ""): value})


@dataclass
class FakeStores:
    """Stands for the database: what is live, and for each view its progress and rows."""

    live_view: View | None = None
    offsets: dict[str, dict[int, int]] = field(default_factory=dict)
    rows: dict[str, list[StoredRow]] = field(default_factory=dict)
    kept: list[Target] = field(default_factory=list)
    parked: int = 0
    dismissals: int = 0
    asked_since: list[Mapping[int, int]] = field(default_factory=list)

    def live(self) -> View | None:
        return self.live_view

    def catalogue(self, version: int) -> Catalogue:
        return real_catalogue()

    def progress(self, view_id: str) -> Progress:
        return Progress(dict(self.offsets.get(view_id, {})), 7000, self.parked, frozenset())

    def changes(self, view_id: str, since: Mapping[int, int]) -> tuple[Progress, list[StoredRow]]:
        self.asked_since.append(since)
        return self.progress(view_id), list(self.rows.get(view_id, []))

    def dismissed(self, view: View) -> int:
        return self.dismissals

    def all(self) -> list[Target]:
        return list(self.kept)

    def commit(self, view_id: str, offset: int, *rows: StoredRow) -> None:
        """What the aggregator does: rows and progress at once."""
        self.offsets.setdefault(view_id, {})[0] = offset
        self.rows[view_id] = list(rows)

    def live_view_of(self, loaded: Callable[[], object] = lambda: None) -> LiveView:
        stores = cast(Any, self)
        return LiveView(stores, stores, stores, loaded)


def view_state(*targets: Target, **cells: int) -> ViewState:
    """A state in which verified KNW-01 of some units stands so in January 2025."""
    cube = Cube(real_catalogue())
    for unit, value in cells.items():
        cube.put(0, unit, JANUARY, {("KNW-01:verified", ""): value})
    progress = Progress({0: 5, 1: 3}, 1_750_000_000_000, 2, frozenset())
    return ViewState(view(), real_catalogue(), cube, progress, {t.key: t for t in targets}, 1)
