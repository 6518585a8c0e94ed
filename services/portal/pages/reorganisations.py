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
class Trees:
    """A unit in both trees.

    Args:
        before: the same months a year earlier.
        now: the months of the page.
        moved: ids of units that have ended and stand below this unit now.
        rows: code of each indicator and its four verified values: in the tree as it was for
            ``before`` and ``now``, then in the tree as it is for both.
        view: the view whose works were read; its digest is not known.
    """

    before: Period
    now: Period
    moved: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Number | None]]]
    view: view_pb2.ViewInfo

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
    catalogue = await page.site.catalogues.live(page.session.token)
    asked = [code for code in codes if not catalogue.indicators[code].attainment_of][:CODES_MAX]
    earlier = periods.year_earlier(period)
    request = catalogue_service_pb2.CompareTreesRequest(
        unit_id=unit_id, indicator_codes=asked, before=_months(earlier), after=_months(period)
    )
    answer = await page.call(COMPARE, request)
    rows = [
        (each.indicator_code, list(map(wire.number, _values(each))))
        for each in answer.numbers
        if each.measure == kpi_service_pb2.MEASURE_VERIFIED
    ]
    view = view_pb2.ViewInfo(view_id=answer.view_id)
    return Trees(earlier, period, list(answer.moved_unit_ids), rows, view)


def _months(period: Period) -> catalogue_service_pb2.Months:
    return catalogue_service_pb2.Months(from_month=period.first, to_month=period.last)


def _values(numbers: catalogue_service_pb2.TreeNumbers) -> Sequence[view_pb2.Value]:
    return (
        *(numbers.as_was_before, numbers.as_was_after),
        *(numbers.as_is_before, numbers.as_is_after),
    )
