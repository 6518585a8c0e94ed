"""Requests for numbers, as all pages make them, and the caches of what was read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal.calls import Refused
from services.portal.catalogues import Catalogue
from services.portal.domain.periods import Period
from services.portal.site import Page

KPI = kpi_service_pb2.DESCRIPTOR.services_by_name["KpiService"].methods_by_name


def selection(
    unit_ids: Sequence[str], codes: Sequence[str], period: Period, *, by_month: bool = False
) -> view_pb2.Selection:
    """Return the request for the cells of some units and indicators in a period.

    Args:
        unit_ids: ids of units.
        codes: codes of indicators.
        period: the months.
        by_month: whether to request a cell for each month instead of one for the period.
    """
    return view_pb2.Selection(
        unit_ids=unit_ids,
        indicator_codes=codes,
        from_month=period.first,
        to_month=period.last,
        by_month=by_month,
    )


async def read_cells(page: Page, wanted: view_pb2.Selection) -> kpi_service_pb2.GetKpisResponse:
    """Return the requested numbers: the present ones, or those of the past day `as_of` in the URL.

    Raises:
        Refused: the caller may not read them, or a unit, indicator or day does not exist.
    """
    request = kpi_service_pb2.GetKpisRequest(selection=wanted, as_of=page.as_of)
    answer: kpi_service_pb2.GetKpisResponse = await page.call(KPI["GetKpis"], request)
    return answer


async def catalogue_of(page: Page) -> Catalogue:
    """Return the catalogue by which the numbers of a page are counted.

    It is that of the live view or, with `as_of` in the URL, that of the kept day, which may lack
    indicators and units of today; if no such day is kept, reading the numbers will be refused.

    Raises:
        Refused: the caller may not read the numbers, or there are none yet.
    """
    token = page.session.token
    if page.as_of:
        answer = await page.call(KPI["ListKeptDays"], kpi_service_pb2.ListKeptDaysRequest())
        for each in answer.days:
            if each.day == page.as_of:
                return await page.site.catalogues.version(each.view.catalogue_version, token)
    return await page.site.catalogues.live(token)


async def unit_names(page: Page) -> Callable[[str], str]:
    """Return a function from the id of a unit to its name in the language of the page.

    It returns ids unchanged if the catalogue cannot be read now, so that submissions can be decided
    on while the KPI service is down.
    """
    try:
        catalogue = await page.site.catalogues.live(page.session.token)
    except Refused:
        return str
    return lambda unit_id: catalogue.unit_name(unit_id, page.lang)


def keep(kept: OrderedDict[Any, Any], key: Hashable, value: object, most: int) -> None:
    """Add a value to a cache, which then forgets its oldest one if it has too many.

    Args:
        kept: the cache, which is changed.
        key: key of the value.
        value: the value.
        most: number of values that the cache may have.
    """
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)
