"""Overlaps: works that several children of a unit claim, which the unit counts once."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2
from services.portal.catalogues import Catalogue
from services.portal.pages.board import check_unit, status_of
from services.portal.pages.cell_names import MEASURES
from services.portal.pages.period_choice import period_of
from services.portal.pages.reading import KPI
from services.portal.pages.tables import wanted_file
from services.portal.site import Page

LOOKED_AT = 5000
LISTED_MAX = 200


async def overlaps(page: Page) -> Response:
    """Answer `/overlaps`: the matrix of overlaps between the children of a unit, and the works.

    With `file`, the answer is the matrix as a file.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    catalogue = await page.site.catalogues.live(page.session.token)
    unit_id = page.query.get("unit", catalogue.root)
    check_unit(page, catalogue, unit_id)
    codes = whole_counts(catalogue)
    code = page.query.get("indicator") or next(iter(codes), "")
    measure = "declared" if page.query.get("measure") == "declared" else "verified"
    period = await period_of(page, catalogue)
    asked: Any = {
        "unit_id": unit_id,
        "indicator_code": code,
        "from_month": period.first,
        "to_month": period.last,
        "measure": MEASURES[measure],
    }
    counted, listed = await asyncio.gather(
        page.call(KPI["GetOverlapMatrix"], kpi_service_pb2.GetOverlapMatrixRequest(**asked)),
        page.call(
            KPI["ListOverlaps"],
            kpi_service_pb2.ListOverlapsRequest(page_size=LOOKED_AT, **asked),
        ),
    )
    children = [each.unit_ids[0] for each in counted.children]
    pairs = {frozenset(each.unit_ids): each.works for each in counted.pairs}
    pairs |= {frozenset(each.unit_ids): each.works for each in counted.children}
    heading = [page.text("column.unit"), *children]
    lines = [[a, *(pairs.get(frozenset((a, b)), 0) for b in children)] for a in children]
    if found := await wanted_file(page, f"kieng-overlaps-{code}", [heading, *lines]):
        return found
    return page.html(
        "overlaps.html",
        catalogue=catalogue,
        unit_id=unit_id,
        code=code,
        codes=codes,
        measure=measure,
        period=period,
        children=children,
        pairs=pairs,
        counted=counted,
        listed=listed.overlaps[:LISTED_MAX],
        more=len(listed.overlaps) > LISTED_MAX or bool(listed.next_page_token),
        **status_of(counted.view),
    )


def whole_counts(catalogue: Catalogue) -> list[str]:
    """Return the codes of the indicators that count whole works, in the order of the catalogue.

    Only these can have overlaps, i.e. works that several units claim.
    """
    return [
        each.code
        for each in catalogue.message.indicators
        if each.value.rule == catalogue_pb2.COUNTING_RULE_WHOLE and not each.HasField("denominator")
    ]
