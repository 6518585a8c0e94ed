"""Answers ListOverlaps and GetOverlapMatrix: works that several children of a unit claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from kieng.kpi.v1 import kpi_service_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.explanation import adds_something, share_of
from services.kpi.domain.months import month_range
from services.kpi.domain.overlaps import Units, common, own_works
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.query.explanation import Seen, cube_of, restored_of
from services.kpi.query.live_view import LiveView, ViewState
from services.kpi.store.reads import Progress, Snapshots, is_at
from services.kpi.store.works import StoredWork

PAGE_SIZE = 5000

T = TypeVar("T")
Request = kpi_service_pb2.ListOverlapsRequest | kpi_service_pb2.GetOverlapMatrixRequest


@dataclass(frozen=True, slots=True)
class Question:
    """A decoded overlap request: how many whole works count at a unit and at its children.

    Args:
        seen: view and position of the state in memory.
        catalogue: the view's catalogue.
        indicator: the whole count.
        unit_id: the unit.
        children: numbers of its children in the catalogue's tree.
        measure: 0 declared, 1 verified.
        first: first month, counted from year 0.
        last: last month, included.
        counts: the whole count at the unit, then at each child, in memory.
    """

    seen: Seen
    catalogue: Catalogue
    indicator: Indicator
    unit_id: str
    children: list[int]
    measure: int
    first: int
    last: int
    counts: list[int]

    @staticmethod
    def of(request: Request, state: ViewState) -> Question:
        """Decode an overlap request.

        Args:
            request: the request, validated.
            state: the live view, under its lock.

        Raises:
            InvalidArgument: the unit or indicator is unknown, the range is invalid, or the
                indicator is not a whole count.
        """
        catalogue = state.catalogue
        tree = catalogue.tree
        unit_id = request.unit_id or tree.ids[0]
        check_unit(unit_id, catalogue, "unit_id")
        indicator = find_indicator(request.indicator_code, catalogue, "indicator_code")
        value = indicator.value
        if value is None or indicator.denominator or value.rule is not Rule.WHOLE:
            text = f"{indicator.code} is not a whole count; overlaps are of whole counts"
            raise InvalidArgument(text, fields={"indicator_code": text})
        first, last = month_range(request.from_month, request.to_month)
        measure = answers.decode_measure(request.measure)
        children = list(tree.children(tree.number[unit_id]))
        question = Question(
            Seen(state), catalogue, indicator, unit_id, children, measure, first, last, []
        )
        question.counts.extend(question.count(state.cube.value))
        return question

    @property
    def unit_ids(self) -> list[str]:
        """Ids of the unit and its children."""
        return [self.unit_id, *(self.catalogue.tree.ids[child] for child in self.children)]

    def count(self, value: Callable[..., object]) -> list[int]:
        """Return the number of works that count at the unit, then at each child.

        Args:
            value: `Cube.value` of the cube to read.
        """
        found = [
            value(unit_id, self.indicator, self.measure, self.first, self.last, 0)
            for unit_id in self.unit_ids
        ]
        return [number for number in found if isinstance(number, int)]

    def claiming(self, stored: StoredWork) -> Units:
        """Return the ids of the unit's children in whose cells a work counts, in tree order.

        Empty if there are none. A work counts where it adds something in the range.
        """
        work, _ = restored_of(stored, self.catalogue)
        months = (self.first, self.last)
        shares = (
            (
                child,
                share_of(
                    work.contributed, self.catalogue, child, self.indicator, self.measure, *months
                ),
            )
            for child in self.children
        )
        ids = self.catalogue.tree.ids
        return tuple(ids[child] for child, (value, _) in shares if adds_something(value))

    def read(
        self,
        snapshots: Snapshots,
        made_of: Callable[[Iterable[StoredWork]], T],
        after: str = "",
        limit: int = 0,
    ) -> tuple[Progress, list[int], T]:
        """Read the works that several units claim, with the counts at the same position.

        Args:
            snapshots: reads the stored view.
            made_of: computes a result from an iterator over the works.
            after: key of the last work of the page before; empty for the first page.
            limit: maximum number of works; 0 for all.

        Returns:
            The position, the counts as `count` returns them, and the result of ``made_of``.
        """
        assert self.indicator.value is not None
        progress, rows, made = snapshots.joint_works(
            self.seen.view.view_id,
            [self.indicator.value.type],
            self.unit_ids,
            made_of,
            after,
            limit,
            self.seen.progress,
        )
        if is_at(progress, self.seen.progress):
            return progress, self.counts, made
        cube = cube_of(rows, self.catalogue, self.indicator)
        return progress, self.count(cube.value), made


def overlaps(
    request: kpi_service_pb2.ListOverlapsRequest, live: LiveView, snapshots: Snapshots
) -> kpi_service_pb2.ListOverlapsResponse:
    """Return a page of the works that count at two or more children of a unit.

    A page may hold fewer works than requested and still not be the last; only one without token is.

    Raises:
        InvalidArgument: see `Question.of`; or the page token belongs to another query.
    """
    with live.read() as state:
        question = Question.of(request, state)
    after, size = answers.read_page_token(request.page_token, request), request.page_size

    def listed(works: Iterable[StoredWork]) -> list[tuple[str, Units]]:
        return [(stored.work_key, question.claiming(stored)) for stored in works]

    size = size or PAGE_SIZE
    progress, (whole, *counts), found = question.read(snapshots, listed, after, size)
    more = answers.page_token(request, found[-1][0]) if len(found) == size else ""
    return kpi_service_pb2.ListOverlapsResponse(
        view=question.seen.info(progress),
        overlaps=[
            kpi_service_pb2.Overlap(work_key=work_key, unit_ids=units)
            for work_key, units in found
            if len(units) > 1
        ],
        whole=whole,
        sum_of_children=sum(counts),
        next_page_token=more,
    )


def matrix(
    request: kpi_service_pb2.GetOverlapMatrixRequest, live: LiveView, snapshots: Snapshots
) -> kpi_service_pb2.GetOverlapMatrixResponse:
    """Count the works that children of a unit share.

    Counted are, for each pair and triple, the works that at least these children claim, and for
    each set of children the works that exactly these claim.

    Raises:
        InvalidArgument: see `Question.of`.
    """
    with live.read() as state:
        question = Question.of(request, state)

    def counted(works: Iterable[StoredWork]) -> Counter[Units]:
        return Counter(units for units in map(question.claiming, works) if len(units) > 1)

    progress, (whole, *counts), sets = question.read(snapshots, counted)
    together = {
        units: sum(works for others, works in sets.items() if units[0] in others)
        for units in ((unit_id,) for unit_id in question.unit_ids[1:])
    }
    children = [
        kpi_service_pb2.OverlapCount(
            unit_ids=units, works=count, works_of_them_only=count - together[units]
        )
        for units, count in zip(together, counts, strict=True)
    ]
    return kpi_service_pb2.GetOverlapMatrixResponse(
        view=question.seen.info(progress),
        children=children,
        pairs=_encode(common(sets, 2), sets),
        triples=_encode(common(sets, 3), sets),
        sets=_encode(dict(sorted(sets.items())), sets),
        whole=whole,
        own=own_works(whole, counts, sets),
    )


def _encode(counts: dict[Units, int], sets: Counter[Units]) -> list[kpi_service_pb2.OverlapCount]:
    return [
        kpi_service_pb2.OverlapCount(
            unit_ids=units, works=works, works_of_them_only=sets.get(units, 0)
        )
        for units, works in counts.items()
    ]
