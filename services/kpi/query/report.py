"""Answers GetReport: targets, children and movers of a unit, all of one position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.domain import report as rules
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Range, Value
from services.kpi.domain.months import month_range, month_text
from services.kpi.domain.pace import Standing, pace_of
from services.kpi.domain.report import Held, Rank
from services.kpi.domain.targets import Target, target_of
from services.kpi.query import answers
from services.kpi.query.cells import Selection, check_unit
from services.kpi.query.live_view import ViewState, state_cells
from services.kpi.wire.values import encode_fraction, encode_value

VERIFIED = 1
PARTS = 1_000_000
"""Largest denominator of a mean; an exact mean might not fit into 63 bits, so it is rounded."""


def report(
    state: ViewState, request: kpi_service_pb2.GetReportRequest, on: date
) -> kpi_service_pb2.GetReportResponse:
    """Return the report on a unit: its targets, its children ranked, and what changed most.

    Args:
        state: the view at one position, under its lock.
        request: unit and range.
        on: day for which the pace of targets is computed, as `told_on` returns it.

    Raises:
        InvalidArgument: the unit is unknown, or the range is invalid or too long. The caller's
            fault.
    """
    tree = state.catalogue.tree
    unit_id = request.unit_id or tree.ids[0]
    check_unit(unit_id, state.catalogue, "unit_id")
    months = _months(request)
    page = _Page(state, months, on)
    targets = rules.by_urgency(page.held(unit_id))
    codes = [each.indicator_code for each in targets]
    # The same cells as in GetKpis, so that all answers agree about a target.
    indicators = [state.catalogue.indicators[code] for code in codes]
    cells = state_cells(state, Selection([unit_id], indicators, [months]), on)
    before = rules.year_before(months)
    moved = rules.movers(page.values(unit_id, before), page.values(unit_id, months))
    return kpi_service_pb2.GetReportResponse(
        view=answers.encode_view_state(state),
        unit_id=unit_id,
        from_month=month_text(months[0]),
        to_month=month_text(months[1]),
        targets=cells,
        children=_children(page, unit_id, codes),
        movers=[
            kpi_service_pb2.Mover(
                indicator_code=each.indicator_code,
                before=encode_value(each.before),
                now=encode_value(each.now),
            )
            for each in moved
        ],
        before_from_month=month_text(before[0]),
        before_to_month=month_text(before[1]),
    )


def _months(request: kpi_service_pb2.GetReportRequest) -> Range:
    first = request.from_month or f"{request.to_month[:4]}-01"
    months = month_range(first, request.to_month)
    if months[1] - months[0] >= rules.MONTHS_MAX:
        text = f"a report is over at most {rules.MONTHS_MAX} months"
        raise InvalidArgument(f"from_month: {text}", fields={"from_month": text})
    return months


class _Page:
    """Reads what a report consists of from one state.

    Args:
        state: the view at one position.
        months: first and last month of the report.
        on: day for which the pace of targets is computed.
    """

    def __init__(self, state: ViewState, months: Range, on: date) -> None:
        self.catalogue: Catalogue = state.catalogue
        self.months = months
        self._cube: Cube = state.cube
        self._targets: Mapping[str, Target] = state.targets
        self._on = state.judged_on(on)

    def value(self, unit_id: str, indicator: Indicator, months: Range) -> Value:
        """Return the verified value of an indicator at a unit, over a range of months."""
        base = self.catalogue.indicators.get(indicator.attainment_of, indicator)
        target = target_of(self._targets, unit_id, base, months)
        return self._cube.value(
            unit_id, indicator, VERIFIED, *months, target.value if target else 0
        )

    def values(self, unit_id: str, months: Range) -> dict[str, Value]:
        """Return indicator code -> verified value of a unit, for all indicators in order."""
        return {
            code: self.value(unit_id, indicator, months)
            for code, indicator in self.catalogue.indicators.items()
        }

    def held(self, unit_id: str) -> list[Held]:
        """Return the targets that the range is measured against, in the catalogue's order."""
        found = []
        for code, indicator in self.catalogue.indicators.items():
            target = target_of(self._targets, unit_id, indicator, self.months)
            if target is not None and not indicator.attainment_of:
                value = self.value(unit_id, indicator, self.months)
                pace = None
                if self._on:
                    pace = pace_of(self._cube, indicator, target, self.months, self._on)
                is_ceiling = indicator.direction == "down"
                found.append(Held(code, target.value, value, pace, is_ceiling))
        return found


def _children(page: _Page, unit_id: str, codes: Sequence[str]) -> list[kpi_service_pb2.RankedChild]:
    tree = page.catalogue.tree
    children = [tree.ids[number] for number in tree.children(tree.number[unit_id])]
    ordered = [code for code in page.catalogue.indicators if code in codes]
    indicators = [page.catalogue.indicators[code] for code in ordered]
    values = {
        child: [page.value(child, indicator, page.months) for indicator in indicators]
        for child in children
    }
    counted = [n for n, indicator in enumerate(indicators) if indicator.direction != "down"]
    share = rules.shares({child: [row[n] for n in counted] for child, row in values.items()})
    ranks = rules.ranked([Rank(child, page.held(child), share[child]) for child in children])
    return [_encode_rank(rank, ordered, values[rank.unit_id]) for rank in ranks]


def _encode_rank(
    rank: Rank, codes: Sequence[str], values: Sequence[Value]
) -> kpi_service_pb2.RankedChild:
    own = {each.indicator_code: each.target for each in rank.held}
    return kpi_service_pb2.RankedChild(
        unit_id=rank.unit_id,
        reached=rank.count(Standing.REACHED),
        on_pace=rank.count(Standing.ON_PACE),
        behind=rank.count(Standing.BEHIND),
        attainment=_optional(rank.attainment),
        share=_optional(rank.share),
        values=[
            kpi_service_pb2.ChildValue(
                indicator_code=code, verified=encode_value(value), target=own.get(code)
            )
            for code, value in zip(codes, values, strict=True)
        ],
    )


def _optional(number: Fraction | None) -> view_pb2.Ratio | None:
    return None if number is None else encode_fraction(number.limit_denominator(PARTS))
