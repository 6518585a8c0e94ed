"""Overlaps: works that several children of a unit claim, and where their claims contradict."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from services.portal.catalogues import Catalogue
from services.portal.pages.board import check_unit, status_of
from services.portal.pages.cell_names import MEASURES
from services.portal.pages.contributions import read_contributions, works_max
from services.portal.pages.period_choice import period_of
from services.portal.pages.reading import KPI
from services.portal.pages.tables import Value, stamped, wanted_file, wants_file
from services.portal.site import Page

LOOKED_AT = 5000
LISTED_MAX = 200
EXPLAINED_PAGES_MAX = 4
"""Pages of works that are searched for contradictions, of some hundred works each."""


async def overlaps(page: Page) -> Response:
    """Answer `/overlaps`: the matrix of overlaps between the children of a unit, and the works.

    With `file`, the answer is the matrix as a file; with `table=works`, the joint works; with
    `table=contradictions`, the claims that contradict each other.

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
    found = await _read(page, asked)
    counted, listed = found.counted, found.listed
    lines = stamped(page, *_table(page, found))
    if file := await wanted_file(page, f"kieng-overlaps-{code}", lines):
        return file
    return page.html(
        "overlaps.html",
        catalogue=catalogue,
        unit_id=unit_id,
        code=code,
        codes=codes,
        measure=measure,
        period=period,
        found=found,
        contradicting=found.contradicting[:LISTED_MAX],
        listed=listed.overlaps[:LISTED_MAX],
        more=len(listed.overlaps) > LISTED_MAX or bool(listed.next_page_token),
        **status_of(counted.view),
    )


@dataclass(frozen=True)
class Found:
    """What the services answered about the overlaps of a unit's children in one indicator.

    Args:
        counted: the numbers of joint works.
        listed: the joint works.
        works: the works behind the number of the unit.
        are_all: whether these are all works.
        works_view: what the works were read from.
    """

    counted: kpi_service_pb2.GetOverlapMatrixResponse
    listed: kpi_service_pb2.ListOverlapsResponse
    works: Sequence[kpi_service_pb2.ExplainedWork]
    are_all: bool
    works_view: view_pb2.ViewInfo

    @property
    def titles(self) -> Mapping[str, str]:
        """Work key -> title; empty for a work that has none."""
        return {each.work_key: each.title for each in self.works}

    @property
    def contradicting(self) -> Sequence[kpi_service_pb2.ExplainedWork]:
        """The works with claims that contradict each other."""
        return [each for each in self.works if each.disagreements]

    @property
    def children(self) -> Sequence[str]:
        """Ids of the children that have works, in order."""
        return [each.unit_ids[0] for each in self.counted.children if each.works]

    @property
    def pairs(self) -> Mapping[frozenset[str], int]:
        """Two children -> number of their joint works; one child -> number of its works."""
        counts = (*self.counted.pairs, *self.counted.children)
        return {frozenset(each.unit_ids): each.works for each in counts}


async def _read(page: Page, asked: Mapping[str, Any]) -> Found:
    listing = kpi_service_pb2.ListOverlapsRequest(page_size=LOOKED_AT, **asked)
    counted, listed, explained = await asyncio.gather(
        page.call(KPI["GetOverlapMatrix"], kpi_service_pb2.GetOverlapMatrixRequest(**asked)),
        _listed(page, listing),
        _explained(page, kpi_service_pb2.ExplainKpiRequest(**asked)),
    )
    return Found(counted, listed, *explained)


async def _listed(
    page: Page, request: kpi_service_pb2.ListOverlapsRequest
) -> kpi_service_pb2.ListOverlapsResponse:
    """Return the joint works of the first answer; for a file, those of all answers."""
    found: kpi_service_pb2.ListOverlapsResponse = await page.call(KPI["ListOverlaps"], request)
    while found.next_page_token and wants_file(page):
        request.page_token = found.next_page_token
        more = await page.call(KPI["ListOverlaps"], request)
        found.overlaps.extend(more.overlaps)
        found.next_page_token = more.next_page_token
    return found


def _table(page: Page, found: Found) -> tuple[list[list[Value]], view_pb2.ViewInfo]:
    """Return headings and rows of the table that the URL names, and their view.

    It is the matrix if the URL names none.
    """
    wanted = page.query.get("table", "")
    if wanted == "works":
        return _works(page, found.listed.overlaps, found.titles), found.listed.view
    if wanted == "contradictions":
        return _contradictions(page, found.contradicting), found.works_view
    units, pairs = found.children, found.pairs
    rows: list[list[Value]] = [
        [a, *(pairs.get(frozenset((a, b)), 0) for b in units)] for a in units
    ]
    return [[page.text("column.unit"), *units], *rows], found.counted.view


async def _explained(
    page: Page, request: kpi_service_pb2.ExplainKpiRequest
) -> tuple[Sequence[kpi_service_pb2.ExplainedWork], bool, view_pb2.ViewInfo]:
    """Return the works behind a number, whether these are all, and the view of the last ones."""
    ask, works = partial(page.call, KPI["ExplainKpi"]), list[kpi_service_pb2.ExplainedWork]()
    for _ in range(EXPLAINED_PAGES_MAX):
        found = await read_contributions(ask, request, works_max(page))
        works += found.works
        request.page_token = found.next_page
        if not found.next_page:
            break
    return works, not found.next_page, found.view


def _works(
    page: Page, found: Sequence[kpi_service_pb2.Overlap], titles: Mapping[str, str]
) -> list[list[Value]]:
    keys = ("cell.work", "column.title", "overlap.units")
    rows: list[list[Value]] = [
        [each.work_key, titles.get(each.work_key, ""), ", ".join(each.unit_ids)] for each in found
    ]
    return [[page.text(key) for key in keys], *rows]


def _contradictions(
    page: Page, found: Sequence[kpi_service_pb2.ExplainedWork]
) -> list[list[Value]]:
    keys = ("cell.work", "column.title", "column.unit", "review.fact", "overlap.said")
    rows: list[list[Value]] = [
        [work.work_key, work.title, each.unit_id, each.field, each.said, each.counts]
        for work in found
        for each in work.disagreements
    ]
    return [[page.text(key) for key in (*keys, "overlap.counts")], *rows]


def whole_counts(catalogue: Catalogue) -> list[str]:
    """Return the codes of the indicators that count whole works, in the order of the catalogue.

    Only these can have overlaps, i.e. works that several units claim.
    """
    return [
        each.code
        for each in catalogue.message.indicators
        if each.value.rule == catalogue_pb2.COUNTING_RULE_WHOLE and not each.HasField("denominator")
    ]
