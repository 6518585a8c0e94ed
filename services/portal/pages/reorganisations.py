"""Numbers of a unit in two trees of units: as it was in each month, and as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from services.portal import wire
from services.portal.catalogues import GET
from services.portal.domain import periods
from services.portal.domain.figures import Number
from services.portal.domain.periods import Period
from services.portal.pages.tables import Value, plain
from services.portal.site import Page

COMPARE = GET.containing_service.methods_by_name["CompareTrees"]
CODES_MAX = 100
"""Most indicators of one comparison."""


@dataclass(frozen=True, slots=True)
class TwoTrees:
    """Verified values of one indicator in both trees: the same months a year earlier, and now."""

    code: str
    was_before: Number | None
    was: Number | None
    is_before: Number | None
    is_now: Number | None


@dataclass(frozen=True, slots=True)
class Trees:
    """A unit in both trees.

    Args:
        before: the same months a year earlier.
        now: the months of the page.
        moved: ids of units that have ended and stand below this unit now.
        rows: one for each indicator.
    """

    before: Period
    now: Period
    moved: Sequence[str]
    rows: Sequence[TwoTrees]

    def lines(self, page: Page) -> list[list[Value]]:
        """Return headings and rows of the file of this table, in the language of the page."""
        heads: list[Value] = [page.text("column.indicator")]
        heads += [
            f"{page.text(tree)} {each.first} – {each.last}"  # noqa: RUF001
            for tree in ("trees.was", "trees.is")
            for each in (self.before, self.now)
        ]
        rows: list[list[Value]] = [
            [row.code, *map(plain, (row.was_before, row.was, row.is_before, row.is_now))]
            for row in self.rows
        ]
        return [heads, *rows]


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
    catalogue = await page.site.catalogues.live(page.session.token)
    asked = [code for code in codes if not catalogue.indicators[code].attainment_of][:CODES_MAX]
    earlier = periods.year_earlier(period)
    request = catalogue_service_pb2.CompareTreesRequest(
        unit_id=unit_id, indicator_codes=asked, before=_months(earlier), after=_months(period)
    )
    answer = await page.call(COMPARE, request)
    rows = [
        TwoTrees(each.indicator_code, *map(wire.number, _values(each)))
        for each in answer.numbers
        if each.measure == kpi_service_pb2.MEASURE_VERIFIED
    ]
    return Trees(earlier, period, list(answer.moved_unit_ids), rows)


def _months(period: Period) -> catalogue_service_pb2.Months:
    return catalogue_service_pb2.Months(from_month=period.first, to_month=period.last)


def _values(numbers: catalogue_service_pb2.TreeNumbers) -> Sequence[view_pb2.Value]:
    was, now = (
        (numbers.as_was_before, numbers.as_was_after),
        (numbers.as_is_before, numbers.as_is_after),
    )
    return *was, *now
