"""Decodes selections of cells and encodes cells; caches encoded cells until they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from kieng.kpi.v1 import view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Range
from services.kpi.domain.months import month_range, month_text
from services.kpi.domain.pace import pace_of, told_on
from services.kpi.domain.targets import Target, target_of
from services.kpi.query.splits import check_cut, cut_by, encode_split
from services.kpi.wire.values import encode_pace, encode_value
from services.refusals.suggestion import suggestion, unknown_unit

UNITS_MAX = 1000
INDICATORS_MAX = 100
CELLS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Selection:
    """The cells that a request selects: each unit with each indicator over each range.

    Args:
        unit_ids: ids of the units.
        indicators: the indicators.
        ranges: ranges of months.
        by: name of the cut by which values are split; empty for none.
    """

    unit_ids: Sequence[str]
    indicators: Sequence[Indicator]
    ranges: Sequence[Range]
    by: str = ""


@dataclass(slots=True)
class EncodedCells:
    """Cache of encoded cells by unit, because encoding takes most of the time of a read.

    Not thread-safe: used under the lock of the cube's owner.

    Args:
        of_unit: unit id -> stamp of its cells, and (indicator, ranges, cut) -> encoded cells.
        targets: the targets that the cached cells were encoded with.
        count: number of cached cells.
    """

    of_unit: dict[str, tuple[object, dict[object, list[view_pb2.Cell]]]] = field(
        default_factory=dict
    )
    targets: Mapping[str, Target] = field(default_factory=dict)
    count: int = 0

    def of_targets(self, targets: Mapping[str, Target]) -> None:
        """Clear the cache unless its cells were encoded with this very object of targets."""
        if targets is not self.targets:
            self.of_unit.clear()
            self.targets, self.count = targets, 0

    def get(self, unit_id: str, stamp: object) -> dict[object, list[view_pb2.Cell]]:
        """Return the unit's cached cells, a dictionary to read and to extend.

        It is a new, empty one if no cells are cached with this stamp.

        Args:
            unit_id: the unit.
            stamp: value that changes whenever the unit's cells change.
        """
        known = self.of_unit.get(unit_id)
        if known is None or known[0] != stamp:
            known = self.of_unit[unit_id] = stamp, {}
        return known[1]

    def added(self, cells: int) -> None:
        """Note that so many cells were added; clear the cache if it exceeds `CELLS_MAX`."""
        self.count += cells
        if self.count > CELLS_MAX:
            self.of_unit.clear()
            self.count = 0


def decode_selection(message: view_pb2.Selection, catalogue: Catalogue) -> Selection:
    """Return the selection of cells that a request makes, after checking it.

    By default it consists of all indicators, or all that have the requested cut, of the root and
    the institutions.

    Raises:
        InvalidArgument: a unit or indicator is unknown, the range is invalid, or too many cells are
            selected. The caller's fault.
    """
    tree = catalogue.tree
    units = list(message.unit_ids) or [
        tree.ids[0],
        *(tree.ids[number] for number in tree.institutions()),
    ]
    codes = list(message.indicator_codes) or cut_by(catalogue, message.by)
    if len(units) > UNITS_MAX or len(codes) > INDICATORS_MAX:
        raise InvalidArgument(
            f"ask for at most {UNITS_MAX} units and {INDICATORS_MAX} indicators",
            fields={"selection": "too much at once"},
        )
    for unit_id in units:
        check_unit(unit_id, catalogue, "selection.unit_ids")
    first, last = month_range(message.from_month, message.to_month)
    months = range(first, last + 1)
    ranges = [(m, m) for m in months] if message.by_month else [(first, last)]
    if len(units) * len(codes) * len(ranges) > CELLS_MAX:
        text = f"that is more than {CELLS_MAX} cells; ask for fewer units or months at once"
        raise InvalidArgument(text, fields={"selection": text})
    wanted = [find_indicator(code, catalogue, "selection.indicator_codes") for code in codes]
    check_cut(wanted, message.by)
    return Selection(units, wanted, ranges, message.by)


def check_unit(unit_id: str, catalogue: Catalogue, field: str) -> None:
    """Check that a unit exists.

    Args:
        unit_id: id of the unit.
        catalogue: catalogue whose tree must contain the unit.
        field: field of the request, for the error.

    Raises:
        InvalidArgument: there is no such unit. The caller's fault.
    """
    if unit_id not in catalogue.tree.number:
        text = unknown_unit(unit_id, catalogue.tree.ids)
        raise InvalidArgument(text, fields={field: text})


def find_indicator(code: str, catalogue: Catalogue, field: str) -> Indicator:
    """Return the indicator with this code.

    Args:
        code: code of the indicator.
        catalogue: catalogue that must contain the indicator.
        field: field of the request, for the error.

    Raises:
        InvalidArgument: there is no such indicator. The caller's fault.
    """
    if code not in catalogue.indicators:
        meant = suggestion(code, catalogue.indicators)
        text = f"there is no indicator {code!r} in catalogue version {catalogue.version}"
        if meant:
            text = f"there is no indicator {code!r}; did you mean {meant!r}?"
        raise InvalidArgument(text, fields={field: text})
    return catalogue.indicators[code]


def decode_day(text: str, name: str) -> date:
    """Return the calendar day in a field of a request.

    Args:
        text: the day, `YYYY-MM-DD`.
        name: name of the field, for the error.

    Raises:
        InvalidArgument: the text is not a day, or is 9999-12-31, the last day that Python knows.
            The caller's fault.
    """
    try:
        day = date.fromisoformat(text)
        day + timedelta(days=1)  # which must exist, as a day ends when the next one begins
        return day
    except (ValueError, OverflowError):
        problem = f"{text!r} is not a day: write YYYY-MM-DD"
        raise InvalidArgument(f"{name}: {problem}", fields={name: problem}) from None


def decode_on(text: str, today: date) -> date:
    """Return the day for which the pace of targets is computed, see `told_on`.

    Args:
        text: field `on_date` of the request, `YYYY-MM-DD`; empty for ``today``.
        today: day that the cells belong to.

    Raises:
        InvalidArgument: the text is not a day. The caller's fault.
    """
    return told_on(decode_day(text, "on_date"), today) if text else today


def encode_cells(
    cube: Cube,
    targets: Mapping[str, Target],
    selection: Selection,
    on: date | None,
    encoded: EncodedCells | None = None,
) -> list[view_pb2.Cell]:
    """Return the selected cells as protobuf messages, by unit, then indicator, then range.

    There is one for each combination, also where nothing is counted.

    Args:
        cube: cells of a view.
        targets: `Target.key` -> target; never modified, so that identity means equality.
        selection: the requested cells.
        on: day for which the pace of targets is computed; None to compute none.
        encoded: cache for this cube; None to encode without one.
    """
    kept = EncodedCells() if encoded is None else encoded
    kept.of_targets(targets)
    ranges = (selection.ranges[0], selection.ranges[-1], len(selection.ranges))
    found: list[view_pb2.Cell] = []
    for unit_id in selection.unit_ids:
        known = kept.get(unit_id, (cube.changes_of(unit_id), on))
        for indicator in selection.indicators:
            cells = known.get((indicator.code, ranges, selection.by))
            if cells is None:
                cells = _cells(cube, targets, unit_id, indicator, selection.ranges, on)
                if selection.by:
                    for cell, months in zip(cells, selection.ranges, strict=True):
                        split = encode_split(cube, unit_id, indicator, selection.by, months)
                        cell.split.CopyFrom(split)
                known[indicator.code, ranges, selection.by] = cells
                kept.added(len(cells))
            found += cells
    return found


def _cells(
    cube: Cube,
    targets: Mapping[str, Target],
    unit_id: str,
    indicator: Indicator,
    ranges: Sequence[Range],
    on: date | None,
) -> list[view_pb2.Cell]:
    wanted = _targets(cube, targets, unit_id, indicator, ranges)
    divisors = [target.value if target else 0 for target in wanted]
    declared, verified = (
        cube.values(unit_id, indicator, measure, ranges, divisors) for measure in (0, 1)
    )
    # Encoded once per distinct value, as most are equal; protobuf copies messages on assignment.
    known = {value: encode_value(value) for value in {*declared, *verified}}
    cells = []
    for i, (first, last) in enumerate(ranges):
        cell = view_pb2.Cell(
            unit_id=unit_id,
            indicator_code=indicator.code,
            from_month=month_text(first),
            to_month=month_text(last),
            declared=known[declared[i]],
            verified=known[verified[i]],
        )
        target = wanted[i]
        if target is not None and not indicator.attainment_of:
            cell.target = target.value
            found = pace_of(cube, indicator, target, (first, last), on) if on else None
            if found is not None:
                cell.pace.CopyFrom(encode_pace(found))
        cells.append(cell)
    return cells


def _targets(
    cube: Cube,
    targets: Mapping[str, Target],
    unit_id: str,
    indicator: Indicator,
    ranges: Sequence[Range],
) -> list[Target | None]:
    """Return the target that each range is measured against; None for none."""
    base = cube.catalogue.indicators.get(indicator.attainment_of, indicator)
    by_month = len(ranges) > 1
    return [target_of(targets, unit_id, base, months, by_month=by_month) for months in ranges]
