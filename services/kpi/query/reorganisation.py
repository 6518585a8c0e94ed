"""Answers CompareTrees: a unit's numbers in the tree as it was and in the tree as it is."""

from __future__ import annotations

from collections.abc import Iterable

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from services.kernel.errors import InvalidArgument, Unavailable
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube, Range, Value
from services.kpi.domain.fold import roll_up
from services.kpi.domain.months import month_range
from services.kpi.domain.reorganisation import parents_as_is, predecessors
from services.kpi.domain.work import Key
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.query.live_view import ViewState
from services.kpi.store.reads import Snapshots
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
    state: ViewState,
    live: catalogue_pb2.Catalogue,
    directory: directory_pb2.Directory,
    snapshots: Snapshots,
) -> catalogue_service_pb2.CompareTreesResponse:
    """Return a unit's numbers in the tree as it was and as it is, for two ranges of months.

    The response also names the units that were placed below it. Attainments are left out.

    Args:
        request: unit, indicators and ranges; all indicators if it names none.
        state: the live view.
        live: message of the live view's catalogue.
        directory: the units as they were.
        snapshots: reads the stored works.

    Raises:
        InvalidArgument: the unit or indicator is unknown, a range is invalid, or an attainment is
            requested. The caller's fault.
        Unavailable: the view advances faster than the works can be read.
    """
    sides = []
    for units in (list(directory.units), units_as_is(directory.units)):
        message = catalogue_pb2.Catalogue()
        message.CopyFrom(live)
        del message.units[:]
        message.units.extend(units)
        sides.append(decode_catalogue(message))
    was, now = sides
    check_unit(request.unit_id, was, "unit_id")
    codes = list(request.indicator_codes) or list(was.indicators)
    indicators = [find_indicator(code, was, "indicator_codes") for code in codes]
    if any(indicator.attainment_of for indicator in indicators if request.indicator_codes):
        text = "a target is not split by trees; ask for the indicator itself"
        raise InvalidArgument(f"indicator_codes: {text}", fields={"indicator_codes": text})
    ranges = (
        month_range(request.before.from_month, request.before.to_month),
        month_range(request.after.from_month, request.after.to_month),
    )
    moved = predecessors(request.unit_id, _parents(was), _parents(now))
    types = sorted({t for i in indicators if not i.attainment_of for t in was.types_of(i)})
    read = _sources(snapshots, state, [request.unit_id, *moved], types)
    cubes = [_cube(read.values(), catalogue) for catalogue in sides]
    response = catalogue_service_pb2.CompareTreesResponse(
        view_id=state.view.view_id, moved_unit_ids=moved, works=len(read)
    )
    for indicator in indicators:
        if indicator.attainment_of:
            continue
        for measure in (0, 1):

            def at(cube: Cube, months: Range) -> Value:
                return cube.value(request.unit_id, indicator, measure, *months, 0)  # noqa: B023

            (was_before, was_after), (is_before, is_after) = (
                [encode_value(at(cube, months)) for months in ranges] for cube in cubes
            )
            response.numbers.add(
                indicator_code=indicator.code,
                measure=answers.encode_measure(measure),
                as_was_before=was_before,
                as_was_after=was_after,
                as_is_before=is_before,
                as_is_after=is_after,
            )
    return response


def _parents(catalogue: Catalogue) -> dict[str, str]:
    tree = catalogue.tree
    return {
        unit_id: tree.ids[tree.ancestors[number][1]] if len(tree.ancestors[number]) > 1 else ""
        for unit_id, number in tree.number.items()
    }


def _sources(
    snapshots: Snapshots, state: ViewState, unit_ids: list[str], types: list[str]
) -> dict[str, list[bytes]]:
    """Return work key -> events of the works that any of the units claims, all at one position."""
    for _ in range(TRIES):
        found: dict[str, list[bytes]] = {}
        positions = set()
        for unit_id in unit_ids:
            after = ""
            while True:
                progress, _rows, works = snapshots.works(
                    state.view.view_id, unit_id, types, after, WORKS_PER_PAGE
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
        said = []
        for source in sources:
            event = events.decode_changed(source)
            said.append(events.decode_statement(event, catalogue, source))
        for key, value in contribution(said, catalogue).items():
            total[key] = total.get(key, 0) + value
    cube = Cube(catalogue)
    for (unit_id, month), row in roll_up(total, catalogue).items():
        cube.put(0, unit_id, month, row)
    return cube
