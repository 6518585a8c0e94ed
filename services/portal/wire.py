"""Protobuf to figures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction

from kieng.kpi.v1 import view_pb2
from services.portal.domain.figures import Figure, Number


def number(value: view_pb2.Value) -> Number | None:
    """Return a value; None if it is unset, or a ratio that is not defined."""
    if value.HasField("whole"):
        return value.whole
    return fraction(value.ratio) if value.HasField("ratio") else None


def fraction(ratio: view_pb2.Ratio) -> Fraction | None:
    """Return a ratio; None if it is not defined."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio.denominator else None


def figure(cell: view_pb2.Cell) -> Figure:
    """Return the figure of a cell."""
    has_pace = cell.HasField("pace")
    standing = view_pb2.Pace.Standing.Name(cell.pace.standing).removeprefix("STANDING_").lower()
    return Figure(
        cell.unit_id,
        cell.indicator_code,
        number(cell.verified),
        number(cell.declared),
        cell.target if cell.HasField("target") else None,
        standing if has_pace and standing != "unspecified" else "",
        fraction(cell.pace.expected) if has_pace else None,
        fraction(cell.pace.forecast) if has_pace else None,
        (cell.pace.forecast_low, cell.pace.forecast_high)
        if cell.pace.HasField("forecast_low")
        else None,
        cell.pace.value if has_pace else None,
        cell.pace.on_date,
    )


def figures(cells: Iterable[view_pb2.Cell]) -> dict[tuple[str, str], Figure]:
    """Return figures by unit and indicator."""
    return {(cell.unit_id, cell.indicator_code): figure(cell) for cell in cells}


def newest(view: view_pb2.ViewInfo) -> datetime | None:
    """Return when the newest event was made that the numbers contain; None before the first."""
    if not view.HasField("newest_event_at"):
        return None
    return view.newest_event_at.ToDatetime(tzinfo=UTC)
