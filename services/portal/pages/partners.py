"""Partners and products: who works with whom, and how ready products are, from verified works."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.responses import Response

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from kieng.partners.v1 import partner_service_pb2
from kieng.submissions.v1 import facts_pb2
from services.portal.catalogues import Catalogue
from services.portal.domain.periods import Period
from services.portal.domain.ties import WIDTH, Tie, Work, picture, ties
from services.portal.pages.board import check_unit, status_of
from services.portal.pages.contributions import Contributions, read_contributions, works_max
from services.portal.pages.period_choice import period_of
from services.portal.pages.reading import KPI
from services.portal.pages.tables import Value, stamped, wanted_file
from services.portal.site import Page

PARTNERS = partner_service_pb2.DESCRIPTOR.services_by_name["PartnerService"].methods_by_name
PARTNER_TYPES = {
    kind.name
    for kind in facts_pb2.Facts.DESCRIPTOR.oneofs_by_name["kind"].fields
    if kind.message_type is not None and "partner_id" in kind.message_type.fields_by_name
}
PRODUCT = "product"
NAMES_MAX = 500
"""Most partners whose names are read; the others are shown by their ids."""
DRAWN_MAX, LISTED_MAX = 20, 200
CALLS_AT_ONCE = 3


async def partners(page: Page) -> Response:
    """Answer `/partners`: partners and products of a unit, as lists and pictures.

    With `file`, the answer is one of the tables as a file: `products` or `levels`, as `table` says,
    else the partners.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    unit_id = page.query.get("unit", catalogue.root)
    check_unit(page, catalogue, unit_id)
    period = await period_of(page, catalogue)
    kinds = indicators(catalogue)
    asked = [each.code for group in kinds.values() for each in group]
    names = await _names(page)
    answers = await asyncio.gather(*_read(page, asked, unit_id, period))
    read = dict(zip(asked, answers, strict=True))
    # On a worker thread, because thousands of works may count.
    known, products = await asyncio.to_thread(_counted, catalogue, unit_id, read)
    # Also units that have ended, and the unit itself, whose own works are of no part.
    parts = [*catalogue.parts.get(unit_id, ()), unit_id]
    shown = [each for each in parts if any(each in tie.counts for tie in known)]
    levels = [(level, sum(each.trl == level for each in products)) for level in range(9, 0, -1)]
    view = next((each.view for each in answers), view_pb2.ViewInfo())
    if page.query.get("table") == "levels":
        heads = [page.text("partner.trl"), page.text("partner.products_count")]
        lines: Iterable[Sequence[Value]] = [heads, *levels]
    else:
        lines = _lines(page, known, shown, names, products)
    if file := await wanted_file(page, "kieng-partners", stamped(page, lines, view)):
        return file
    return await asyncio.to_thread(
        page.html,
        "partners.html",
        catalogue=catalogue,
        unit_id=unit_id,
        period=period,
        names=names,
        shown=shown,
        ties=known[:LISTED_MAX],
        count=len(known),
        picture=picture(known[:DRAWN_MAX], parts),
        width=WIDTH,
        drawn_max=DRAWN_MAX,
        products=products[:LISTED_MAX],
        products_count=len(products),
        levels=levels,
        is_cut=any(each.next_page for each in answers) or len(known) > LISTED_MAX,
        **status_of(view),
    )


def _counted(
    catalogue: Catalogue, unit_id: str, found: Mapping[str, Contributions]
) -> tuple[Sequence[Tie], Sequence[Work]]:
    """Return the partners with their works, and the products, the most ready first."""
    works = {
        kind: _works(catalogue, unit_id, {each.code: found[each.code] for each in group})
        for kind, group in indicators(catalogue).items()
    }
    ready = sorted(works["products"], key=lambda each: (-each.trl, each.title, each.key))
    return ties(works["partners"]), ready


def indicators(catalogue: Catalogue) -> Mapping[str, Sequence[catalogue_pb2.Indicator]]:
    """Return the indicators behind the two lists of the page, by `partners` and `products`.

    `partners` has those that count works of a type that can name a partner, `products` those that
    count products; a list may be empty. Ratios and attainments are left out.
    """
    plain = [
        each
        for each in catalogue.message.indicators
        if not each.attainment_of and not each.HasField("denominator")
    ]
    return {
        "partners": [each for each in plain if each.value.type in PARTNER_TYPES],
        "products": [each for each in plain if each.value.type == PRODUCT],
    }


async def _names(page: Page) -> Mapping[str, str]:
    """Return partner id -> name, for up to `NAMES_MAX` partners."""
    request = partner_service_pb2.SearchPartnersRequest(page_size=NAMES_MAX)
    answer = await page.call(PARTNERS["SearchPartners"], request)
    return {each.partner_id: each.name for each in answer.partners}


def _read(
    page: Page, codes: Sequence[str], unit_id: str, period: Period
) -> Iterator[Coroutine[Any, Any, Contributions]]:
    """Yield a coroutine for each indicator that reads its works; few of them call at once."""
    ask, room = partial(page.call, KPI["ExplainKpi"]), asyncio.Semaphore(CALLS_AT_ONCE)

    async def read(code: str) -> Contributions:
        request = kpi_service_pb2.ExplainKpiRequest(
            unit_id=unit_id,
            indicator_code=code,
            from_month=period.first,
            to_month=period.last,
            measure=kpi_service_pb2.MEASURE_VERIFIED,
        )
        async with room:
            return await read_contributions(ask, request, works_max(page))

    return map(read, codes)


def _works(
    catalogue: Catalogue, unit_id: str, found: Mapping[str, Contributions]
) -> Sequence[Work]:
    """Return the works that count in at least one indicator, each once.

    Args:
        catalogue: catalogue with the unit tree.
        unit_id: the unit that the page is about.
        found: code of an indicator -> the works behind it.
    """
    depth = len(catalogue.path(unit_id))
    works: dict[str, Work] = {}
    for code, contributions in found.items():
        for each in contributions.works:
            claiming = (catalogue.path(c.unit_id) for c in each.claims if c.verified)
            units = dict.fromkeys(
                path[min(depth, len(path) - 1)].unit_id
                for path in claiming
                if unit_id in (above.unit_id for above in path)
            )
            work = Work(
                each.work_key,
                each.title,
                code,
                tuple(units),
                each.partner_id,
                each.trl,
                each.stage,
            )
            works.setdefault(each.work_key, work)
    return list(works.values())


def _lines(
    page: Page,
    known: Sequence[Tie],
    shown: Sequence[str],
    names: Mapping[str, str],
    products: Sequence[Work],
) -> Iterator[list[Value]]:
    """Yield headings and rows of a file: products with `table=products`, else partners by unit."""
    if page.query.get("table") == "products":
        keys = ("partner.trl", "partner.stage", "column.title", "column.unit", "cell.work")
        yield [page.text(key) for key in keys]
        for each in products:
            stage = page.word("value", each.stage)
            yield [each.trl or None, stage, each.title, ", ".join(each.units), each.key]
        return
    heads = [page.text("partner.partner"), page.text("partner.id")]
    yield [*heads, *shown, page.text("partner.works"), page.text("cell.works")]
    for tie in known:
        works = "; ".join(f"{work.title or work.key} ({work.indicator})" for work in tie.works)
        counts = (tie.counts.get(unit_id, 0) for unit_id in shown)
        name = names.get(tie.partner_id, tie.partner_id)
        yield [name, tie.partner_id, *counts, len(tie.works), works]
