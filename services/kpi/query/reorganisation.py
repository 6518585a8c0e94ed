"""Answers CompareTrees: a unit's numbers in the tree as it was and in the tree as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from services.kernel.errors import InvalidArgument, Unavailable
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube, Range
from services.kpi.domain.fold import roll_up
from services.kpi.domain.months import month_range
from services.kpi.domain.reorganisation import counts_alike, parents_as_is, predecessors
from services.kpi.domain.work import Key
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.query.live_view import LiveView
from services.kpi.store.reads import Snapshots
from services.kpi.store.views import View
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.values import encode_value

WORKS_PER_PAGE = 500
TRIES = 5

Units = list[directory_pb2.Unit]


def units_as_is(units: Iterable[directory_pb2.Unit]) -> Units:
    """Return copies of the units, with units that ended placed below their successors.

    This is the tree as it is; see `parents_as_is` for units with several successors or none.
    """
    units = list(units)
    parents = {unit.unit_id: unit.parent_id for unit in units}
    successors = {u.unit_id: list(u.successor_ids) for u in units if u.successor_ids}
    now = parents_as_is(parents, successors)
    moved = []
    for unit in units:
        copy = directory_pb2.Unit()
        copy.CopyFrom(unit)
        copy.parent_id = now[unit.unit_id]
        moved.append(copy)
    return moved


def compare_trees(
    request: catalogue_service_pb2.CompareTreesRequest,
    live: LiveView,
    view: View,
    message: catalogue_pb2.Catalogue,
    directory: directory_pb2.Directory,
    snapshots: Snapshots,
) -> catalogue_service_pb2.CompareTreesResponse:
    """Return a unit's numbers in the tree as it was and as it is, for two ranges of months.

    The response also names the units that were placed below it and, if the request names months for
    a trend, has the numbers of each of them. Attainments are left out. Where both trees count its
    works alike, the numbers are those in memory; otherwise its works are read.

    Args:
        request: unit, indicators and ranges; all indicators if it names none.
        live: the live view in memory.
        view: the live view when the call began.
        message: its catalogue.
        directory: the units as they were.
        snapshots: reads the stored works.

    Raises:
        InvalidArgument: the unit or indicator is unknown, a range is invalid, or an attainment is
            requested. The caller's fault.
        Unavailable: the view advances faster than the works can be read.
    """
    sides = []
    for units in (list(directory.units), units_as_is(directory.units)):
        side = catalogue_pb2.Catalogue()
        side.CopyFrom(message)
        del side.units[:]
        side.units.extend(units)
        sides.append(decode_catalogue(side))
    was, now = sides
    check_unit(request.unit_id, was, "unit_id")
    codes = list(request.indicator_codes) or list(was.indicators)
    indicators = [find_indicator(code, was, "indicator_codes") for code in codes]
    if any(indicator.attainment_of for indicator in indicators if request.indicator_codes):
        text = "a target is not split by trees; ask for the indicator itself"
        raise InvalidArgument(f"indicator_codes: {text}", fields={"indicator_codes": text})
    compared = [_range(request.before), _range(request.after)]
    first, last = _range(request.trend) if request.HasField("trend") else (0, -1)
    ranges = [*compared, *((month, month) for month in range(first, last + 1))]
    both = _parents(was), _parents(now)
    moved, left = (predecessors(request.unit_id, *order) for order in (both, both[::-1]))
    response = catalogue_service_pb2.CompareTreesResponse(
        view_id=view.view_id, moved_unit_ids=moved
    )
    counted = [each for each in indicators if not each.attainment_of]
    if counts_alike(request.unit_id, was.tree, now.tree):
        with live.read() as state:
            if state.view.view_id == view.view_id:
                _add_values(response, request.unit_id, counted, [state.cube] * 2, ranges)
                return response
    types = sorted({t for each in counted for t in was.types_of(each)})
    # The view counts by either tree, and so lists only some of these works under the unit.
    read = _sources(snapshots, view.view_id, [request.unit_id, *moved, *left], types)
    response.works = len(read)
    cubes = [_cube(read.values(), catalogue) for catalogue in sides]
    _add_values(response, request.unit_id, counted, cubes, ranges)
    return response


def _range(months: catalogue_service_pb2.Months) -> Range:
    return month_range(months.from_month, months.to_month)


def _add_values(
    response: catalogue_service_pb2.CompareTreesResponse,
    unit_id: str,
    indicators: Iterable[Indicator],
    cubes: Sequence[Cube],
    ranges: Sequence[Range],
) -> None:
    """Add each indicator's numbers in both trees: the two ranges, then the months of the trend."""
    no_targets = [0] * len(ranges)
    for indicator, measure in product(indicators, (0, 1)):
        was, now = (
            [encode_value(v) for v in cube.values(unit_id, indicator, measure, ranges, no_targets)]
            for cube in cubes
        )
        code, measured = indicator.code, answers.encode_measure(measure)
        response.numbers.add(
            indicator_code=code,
            measure=measured,
            as_was_before=was[0],
            as_was_after=was[1],
            as_is_before=now[0],
            as_is_after=now[1],
        )
        if len(ranges) > 2:
            response.trends.add(
                indicator_code=code, measure=measured, as_was=was[2:], as_is=now[2:]
            )


def _parents(catalogue: Catalogue) -> dict[str, str]:
    tree = catalogue.tree
    return {
        unit_id: tree.ids[tree.ancestors[number][1]] if len(tree.ancestors[number]) > 1 else ""
        for unit_id, number in tree.number.items()
    }


def _sources(
    snapshots: Snapshots, view_id: str, unit_ids: list[str], types: list[str]
) -> dict[str, list[bytes]]:
    """Return work key -> events of the works that any of the units claims, all at one position."""
    for _ in range(TRIES):
        found: dict[str, list[bytes]] = {}
        positions = set()
        for unit_id in unit_ids:
            after = ""
            while True:
                progress, _rows, works = snapshots.works(
                    view_id, unit_id, types, after, WORKS_PER_PAGE
                )
                positions.add(tuple(sorted(progress.next_offsets.items())))
                found |= {work.work_key: work.sources for work in works}
                if len(works) < WORKS_PER_PAGE:
                    break
                after = works[-1].work_key
        if len(positions) == 1:
            return found
    raise Unavailable("the view moves on while the works are read; repeat")


def _cube(works: Iterable[list[bytes]], catalogue: Catalogue) -> Cube:
    total: dict[Key, int] = {}
    for sources in works:
        said = events.decode_stored(sources, catalogue)
        for key, value in contribution([statement for _, statement in said], catalogue).items():
            total[key] = total.get(key, 0) + value
    cube = Cube(catalogue)
    for (unit_id, month), row in roll_up(total, catalogue).items():
        cube.put(0, unit_id, month, row)
    return cube
