"""Marks cells with the number of works counted in them whose claims contradict each other.

Marks are computed on request, from the stored works of one snapshot. They are no part of a view, so
another definition of contradiction would change no number and no digest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.contribution import key_parts
from services.kpi.domain.cube import Cube
from services.kpi.domain.disagreement import contradicted_measures
from services.kpi.domain.months import month_text
from services.kpi.domain.targets import Target
from services.kpi.domain.work import Work
from services.kpi.query import answers
from services.kpi.query.cells import Selection, decode_selection, encode_cells
from services.kpi.query.explanation import Seen, restored_of
from services.kpi.query.live_view import ViewState, state_cells
from services.kpi.store.reads import Snapshots, is_at
from services.kpi.store.works import StoredWork

WORKS_MAX = 5_000
"""Maximum number of joint works to examine for one answer; with more, no cell is marked."""

Place = tuple[str, str, str]
"""(unit id, indicator code, first month `YYYY-MM`) of a cell."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Selected cells of the live view, with what is needed to mark them at the same position.

    A mark is the number of works in a cell whose claims contradict each other.

    Args:
        seen: view and position of the cells.
        catalogue: the view's catalogue.
        selection: the requested cells.
        on: day for which the pace of targets is computed.
        answer: the cells, without marks.
        targets: `Target.key` -> target.
    """

    seen: Seen
    catalogue: Catalogue
    selection: Selection
    on: date
    answer: kpi_service_pb2.GetKpisResponse
    targets: Mapping[str, Target]

    @staticmethod
    def of(state: ViewState, wanted: view_pb2.Selection, on: date) -> Figures:
        """Return the selected cells of a state, without marks yet.

        Args:
            state: the live view, under its lock.
            wanted: selection of the request.
            on: day for which the pace of targets is computed.

        Raises:
            InvalidArgument: see `decode_selection`.
        """
        selection = decode_selection(wanted, state.catalogue)
        view, cells = answers.encode_view_state(state), state_cells(state, selection, on)
        answer = kpi_service_pb2.GetKpisResponse(view=view, cells=cells)
        return Figures(Seen(state), state.catalogue, selection, on, answer, state.targets)

    def marked(self, snapshots: Snapshots) -> kpi_service_pb2.GetKpisResponse:
        """Return the cells, each with the number of works in it whose claims contradict each other.

        Cells and numbers are of the position at which the works were read, which may be newer than
        that of ``seen``. No cell has a number if over `WORKS_MAX` works would have to be examined.
        """
        selection, types = self.selection, self._types()
        progress, rows, marks = snapshots.joint_works(
            self.seen.view.view_id,
            types,
            selection.unit_ids,
            self._marks,
            limit=WORKS_MAX + 1,
            known=self.seen.progress,
        )
        answer = self.answer
        if not is_at(progress, self.seen.progress):
            cube = Cube(self.catalogue)
            for row in rows:
                cube.put(row.partition, row.unit_id, row.month, row.cells)
            cells = encode_cells(cube, self.targets, selection, self.on)
            answer = kpi_service_pb2.GetKpisResponse(view=self.seen.info(progress), cells=cells)
        if marks is not None:
            for cell in answer.cells:
                found = marks[cell.unit_id, cell.indicator_code, cell.from_month]
                declared, verified = found
                cell.contradictions.CopyFrom(
                    view_pb2.Contradictions(declared=declared, verified=verified)
                )
        return answer

    def _types(self) -> list[str]:
        wanted = (self.catalogue.types_of(each) for each in self.selection.indicators)
        return sorted({name for names in wanted for name in names})

    def _marks(self, works: Iterable[StoredWork]) -> defaultdict[Place, list[int]] | None:
        counter = MarkCounter(self.catalogue, self.selection)
        for number, stored in enumerate(works):
            if number == WORKS_MAX:
                return None
            counter.add(restored_of(stored, self.catalogue)[0])
        return counter.marks


class MarkCounter:
    """Counts, for each selected cell, the works in it whose claims contradict each other.

    Args:
        catalogue: the view's catalogue.
        selection: the selected cells.
    """

    def __init__(self, catalogue: Catalogue, selection: Selection) -> None:
        self._tree = catalogue.tree
        self._units = {catalogue.tree.number[unit_id]: unit_id for unit_id in selection.unit_ids}
        self._ranges = selection.ranges
        self._measure = [column.measure for column in catalogue.columns]
        self._columns: defaultdict[int, list[tuple[str, int, bool]]] = defaultdict(list)
        for indicator in selection.indicators:
            base = catalogue.indicators.get(indicator.attainment_of, indicator)
            for part, component in enumerate((base.value, base.denominator)):
                for measure in (0, 1) if component is not None else ():
                    assert component is not None
                    column = catalogue.number[component, measure, ""]
                    wanted = (indicator.code, part, component.is_stock)
                    self._columns[column].append(wanted)
        self.marks: defaultdict[Place, list[int]] = defaultdict(lambda: [0, 0])
        """Place of a cell -> [number of works as declared, number as verified]."""

    def add(self, work: Work) -> None:
        """Count a work in each selected cell to which it adds something.

        A work whose claims do not contradict each other is not counted.
        """
        is_marked = contradicted_measures(work)
        if not any(is_marked):
            return
        shares: Counter[tuple[Place, int, int]] = Counter()
        for key, value in work.contributed.items():
            unit, month, column = key_parts(key[0] if isinstance(key, tuple) else key)
            measure = self._measure[column]
            if is_marked[measure]:
                for place, part in self._places(unit, month, column):
                    shares[place, measure, part] += value
        for place, measure in {(place, measure) for (place, measure, _), v in shares.items() if v}:
            self.marks[place][measure] += 1

    def _places(self, unit: int, month: int, column: int) -> Iterable[tuple[Place, int]]:
        for code, part, is_stock in self._columns.get(column, ()):
            for above in self._tree.ancestors[unit]:
                if above in self._units:
                    for first, last in self._ranges:
                        if (is_stock or first <= month) and month <= last:
                            yield (self._units[above], code, month_text(first)), part
