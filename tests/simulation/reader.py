"""The query side: an image refreshed as the service does it, looked at after every change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from pymongo.errors import AutoReconnect

from services.kpi.domain.cube import Cube
from services.kpi.domain.months import month_text
from services.kpi.oracle.recompute import CellKey
from services.kpi.query.live_view import LiveView, ViewState
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.reads import Snapshots
from services.kpi.store.rows import decode_row
from services.kpi.store.views import View
from tests.simulation import catalogues, history
from tests.simulation.consistency import check_consistency
from tests.simulation.database import TRANSACTIONS_IN, SimulatedMongo
from tests.simulation.world import World

Cells = dict[CellKey, int]


@dataclass(frozen=True)
class Standing:
    """Cells of a view, and the records that they have to be a function of.

    Args:
        what: which view it is and where it stood.
        version: its catalogue.
        cells: without zeros.
        events: values of the events that can be folded.
    """

    what: str
    version: int
    cells: Cells
    events: list[bytes]


def standing(
    log: history.Log, what: str, view: Mapping[str, Any], vector: Mapping[int, int], cells: Cells
) -> Standing:
    """Return what a view says at a position; ``view`` is its document."""
    version = view["catalogue_version"]
    judge = catalogues.frozen(version).judge
    events = [e.SerializeToString() for e in log.changes(judge, vector, view["topic_id"])]
    return Standing(f"{what}, {view['_id']} at {dict(vector)}", version, cells, events)


def added_up(rows: Mapping[tuple[int, str, int], Mapping[tuple[str, str], int]]) -> Cells:
    """Return the cells of all partitions together."""
    cells: Cells = {}
    for (_, unit, month), row in rows.items():
        for (column, member), value in row.items():
            key = (unit, month_text(month), column, member)
            cells[key] = cells.get(key, 0) + value
    return {key: value for key, value in cells.items() if value}


class Reader:
    """Reads until everything is done. Makes no write.

    Args:
        world: decides.
        mongo: keeps the views.
        log: what is folded.
        is_done: tells whether everything is said, folded and decided.
        check_whole: is told of the view and position of a new generation that answers.
    """

    def __init__(
        self,
        world: World,
        mongo: SimulatedMongo,
        log: history.Log,
        is_done: Callable[[], bool],
        check_whole: Callable[[View, Mapping[int, int]], None],
    ) -> None:
        self.world, self.mongo, self.log = world, mongo, log
        self._is_done, self._check_whole = is_done, check_whole
        self.checks = self.swaps = 0
        """Answers of which everything was looked at, and how often another view answered."""
        self.kept: Standing | None = None
        self._retired: dict[tuple[str, int], dict[int, int]] = {}

    def run(self) -> None:
        """Refresh and look, again and again."""
        targets = SimpleNamespace(all=lambda: [])
        snapshots = Snapshots(self.mongo)  # type: ignore[arg-type]
        live = LiveView(Catalogues(self.mongo), snapshots, targets)  # type: ignore[arg-type]
        known: tuple[View | None, Mapping[int, int]] = (None, {})
        is_last = False
        while not is_last:
            is_last = self._is_done()
            try:
                live.refresh()
            except AutoReconnect:
                is_last = False
                continue
            with live.read() as state:
                self._look(state, *known)
                known = state.view, dict(state.progress.next_offsets)
                last = state.cube
            self._look_at_the_retired()
            self.world.point("read")
        assert last.digest() == self.stored_image().digest(), "a reader missed a change"

    def _look(self, state: ViewState, known: View | None, vector: Mapping[int, int]) -> None:
        view, here = state.view, state.progress.next_offsets
        if known is not None and known.generation != view.generation:
            self._check_whole(view, here)
            vector = {}
        for partition, offset in vector.items():
            found = here.get(partition, 0)
            assert found >= offset, f"position went back: {found} < {offset}"
        is_another = known is not None and known.view_id != view.view_id
        if known is not None and not is_another and here == vector:
            return
        self.checks += 1
        self.swaps += is_another
        check_consistency(state.cube, self.checks)
        # The n-th takes the place of the one before with a chance of 1/n: each is kept as often.
        if self.world.random.random() * self.checks < 1:
            self.kept = self._standing(state)

    def _standing(self, state: ViewState) -> Standing:
        view, cells = state.view, added_up(state.cube.rows())
        document = self.mongo.databases[TRANSACTIONS_IN]["views"][view.view_id][1]
        return standing(self.log, "read", document, state.progress.next_offsets, cells)

    def _look_at_the_retired(self) -> None:
        """Assert that a view which answers no more stands still until somebody wants it again."""
        # With the number of changes of its document: it may have answered again in between.
        now = {
            (view["_id"], changes): self.vector(view["_id"])
            for changes, view in self.mongo.databases[TRANSACTIONS_IN]["views"].values()
            if view["state"] == "retired"
        }
        for view, stood in self._retired.items():
            assert now.get(view, stood) == stood, f"{view[0]} goes on though it is retired"
        self._retired = now

    def left(self) -> list[Standing]:
        """Return what is stored in the end: the view that answers, and those that did."""
        found = []
        for view in self.mongo.documents(TRANSACTIONS_IN, "views"):
            if view["state"] in ("live", "retired"):
                name, cells = view["_id"], added_up(self._rows(view["_id"]))
                made = standing(self.log, view["state"], view, self.vector(name), cells)
                found.append(made)
        return found

    def live_id(self) -> str:
        """Return the view that answers, read past the simulated network."""
        (pointer,) = self.mongo.documents(TRANSACTIONS_IN, "pointer")
        return str(pointer["view_id"])

    def vector(self, view_id: str) -> dict[int, int]:
        """Return how far a view has read."""
        progress = self.mongo.documents(TRANSACTIONS_IN, "progress")
        return {d["p"]: d["next_offset"] for d in progress if d["v"] == view_id}

    def stored_image(self) -> Cube:
        """Return the stored cells of the view that answers."""
        here = self.live_id()
        version = self.mongo.databases[TRANSACTIONS_IN]["views"][here][1]["catalogue_version"]
        cube = Cube(catalogues.frozen(version).catalogue)
        for place, row in self._rows(here).items():
            cube.put(*place, row)
        return cube

    def _rows(self, view_id: str) -> dict[tuple[int, str, int], dict[tuple[str, str], int]]:
        found = self.mongo.documents(TRANSACTIONS_IN, "cells")
        return {(d["p"], d["u"], d["m"]): decode_row(d) for d in found if d["v"] == view_id}
