"""Numbers of a unit in two trees of units: as it was in each month, and as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from services.portal import wire
from services.portal.calls import UNARY_SECONDS, Refused
from services.portal.catalogues import GET
from services.portal.domain import periods
from services.portal.domain.figures import Number
from services.portal.domain.periods import Period
from services.portal.pages.reading import keep
from services.portal.pages.tables import Value, plain
from services.portal.site import Page

COMPARE = GET.containing_service.methods_by_name["CompareTrees"]
CODES_MAX = 100
"""Most indicators of one comparison."""
UNASKED_SECONDS = 3.0
"""How long a page waits for a comparison that its reader did not ask for."""
SLOW = ("DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNAVAILABLE")
KEPT_MAX = 64
"""Number of comparisons that are kept."""


@dataclass(frozen=True, slots=True)
class Trees:
    """A unit in both trees.

    Args:
        before: the same months a year earlier.
        now: the months of the page.
        moved: ids of units that have ended and stand below this unit now.
        rows: code of each indicator and its four verified values: in the tree as it was for
            ``before`` and ``now``, then in the tree as it is for both.
        trend: verified values of the months of the trend of the first indicator: in the tree as it
            was, and in the tree as it is; empty without a trend.
        view: the view whose works were read; its digest is not known.
    """

    before: Period
    now: Period
    moved: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Number | None]]]
    trend: Sequence[tuple[Number | None, Number | None]]
    view: view_pb2.ViewInfo

    @property
    def is_same_trend(self) -> bool:
        """Whether both trees have the same value in every month of the trend."""
        return all(was == now for was, now in self.trend)

    def lines(self, page: Page) -> list[list[Value]]:
        """Return headings and rows of the file of this table, in the language of the page."""
        heads: list[Value] = [page.text("column.indicator")]
        heads += [
            f"{page.text(tree)} {each.first} – {each.last}"  # noqa: RUF001
            for tree in ("trees.was", "trees.is")
            for each in (self.before, self.now)
        ]
        return [heads, *([code, *map(plain, values)] for code, values in self.rows)]


async def wanted_trees(
    page: Page, unit_id: str, codes: Sequence[str], period: Period
) -> Trees | None:
    """Return a unit in both trees if the URL asks for it by `trees=1`, else None.

    It is not shown unasked, because the service reads every work of the unit for it.

    Args:
        page: the page.
        unit_id: the unit.
        codes: codes of the indicators; those that are attainments of others are left out.
        period: the months.

    Raises:
        Refused: the caller may not read the numbers, or there is no such unit.
    """
    if page.query.get("trees") != "1":
        return None
    return await _compared(page, unit_id, codes, period)


async def trees_of(
    page: Page, unit_id: str, code: str, period: Period, trend: Period, view: view_pb2.ViewInfo
) -> Trees | None:
    """Return an indicator of a unit in both trees, with its trend, or None.

    It is None for attainments, for a past day, and where the comparison takes more than
    `UNASKED_SECONDS` and the URL does not ask for it by `trees=1`. Comparisons are kept by state.

    Args:
        page: the page.
        unit_id: the unit.
        code: code of the indicator.
        period: the months to compare with the same months of the year before.
        trend: the months of the trend.
        view: the state of the numbers, which the caller has just read.

    Raises:
        Refused: the caller may not read the numbers.
    """
    if page.as_of:
        return None
    key = view.SerializeToString(), unit_id, code, period, trend
    if key not in page.site.trees:
        is_asked = page.query.get("trees") == "1"
        seconds = UNARY_SECONDS if is_asked else UNASKED_SECONDS
        try:
            found = await _compared(page, unit_id, [code], period, trend, seconds)
        except Refused as refused:
            if is_asked or refused.code not in SLOW:
                raise
            return None
        keep(page.site.trees, key, found, KEPT_MAX)
    kept: Trees | None = page.site.trees[key]
    return kept


async def _compared(
    page: Page,
    unit_id: str,
    codes: Sequence[str],
    period: Period,
    trend: Period | None = None,
    seconds: float = UNARY_SECONDS,
) -> Trees | None:
    """Return the comparison of those of the indicators that are no attainments; None of none."""
    catalogue = await page.site.catalogues.live(page.session.token)
    # Codes of a kept day may be of an indicator that is gone.
    known = [catalogue.indicators[code] for code in codes if code in catalogue.indicators]
    asked = [each.code for each in known if not each.attainment_of][:CODES_MAX]
    if not asked:
        return None
    earlier = periods.year_earlier(period)
    request = catalogue_service_pb2.CompareTreesRequest(
        unit_id=unit_id,
        indicator_codes=asked,
        before=_months(earlier),
        after=_months(period),
        trend=None if trend is None else _months(trend),
    )
    answer = await page.site.services.unary(COMPARE, request, page.session.token, seconds)
    verified = kpi_service_pb2.MEASURE_VERIFIED
    rows = [
        (each.indicator_code, list(map(wire.number, _values(each))))
        for each in answer.numbers
        if each.measure == verified
    ]
    months = [
        (wire.number(was), wire.number(now))
        for each in answer.trends
        if (each.indicator_code, each.measure) == (asked[0], verified)
        for was, now in zip(each.as_was, each.as_is, strict=True)
    ]
    view = view_pb2.ViewInfo(view_id=answer.view_id)
    return Trees(earlier, period, list(answer.moved_unit_ids), rows, months, view)


def _months(period: Period) -> catalogue_service_pb2.Months:
    return catalogue_service_pb2.Months(from_month=period.first, to_month=period.last)


def _values(numbers: catalogue_service_pb2.TreeNumbers) -> Sequence[view_pb2.Value]:
    return (
        *(numbers.as_was_before, numbers.as_was_after),
        *(numbers.as_is_before, numbers.as_is_after),
    )
