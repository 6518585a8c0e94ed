"""Converts protobuf messages of the KPI service to figures and numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal.domain.figures import Figure, Number, Rank


def number(value: view_pb2.Value) -> Number | None:
    """Return a protobuf value as a number; None if it is unset, or a ratio with denominator 0."""
    if value.HasField("whole"):
        return value.whole
    return fraction(value.ratio) if value.HasField("ratio") else None


def fraction(ratio: view_pb2.Ratio) -> Fraction | None:
    """Return a protobuf ratio as a fraction; None if its denominator is 0."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio.denominator else None


def figure(cell: view_pb2.Cell) -> Figure:
    """Return the values, target and pace of a protobuf cell as a figure.

    What the cell lacks is None, or empty for the standing.
    """
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
    """Return (unit id, indicator code) -> figure, for cells of one period, in their order."""
    return {(cell.unit_id, cell.indicator_code): figure(cell) for cell in cells}


def rank(child: kpi_service_pb2.RankedChild) -> Rank:
    """Return a protobuf child of a report as a rank; what the child lacks is None."""
    return Rank(
        child.unit_id,
        child.reached,
        child.on_pace,
        child.behind,
        fraction(child.attainment) if child.HasField("attainment") else None,
        fraction(child.share) if child.HasField("share") else None,
    )


def newest(view: view_pb2.ViewInfo) -> datetime | None:
    """Return the time, in UTC, of the newest event that a view includes; None if it has none."""
    if not view.HasField("newest_event_at"):
        return None
    return view.newest_event_at.ToDatetime(tzinfo=UTC)
