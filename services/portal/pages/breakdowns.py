"""An indicator by field, area or fact, and the indicators that count the same works otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from services.portal import wire
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Number
from services.portal.domain.periods import Period
from services.portal.pages.additions import added, is_ratio
from services.portal.pages.reading import read_cells, selection
from services.portal.site import Page
from services.portal.texts import word

UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """An indicator by the terms of one classification.

    Args:
        by: code of the classification, e.g. `field`, or name of a fact, e.g. `trl`.
        name: its name in the language of the page.
        terms: (term, verified value, declared value) for each term with a value.
        again: verified and declared values that are counted again, because works have several
            terms: the terms without these add up to the value. See `added`; empty if none is.
        view: what the values were computed from.
    """

    by: str
    name: str
    terms: Sequence[tuple[str, Number | None, Number | None]]
    again: Sequence[str | Number | None]
    view: view_pb2.ViewInfo


async def breakdowns(
    page: Page, catalogue: Catalogue, code: str, unit_id: str, period: Period
) -> Sequence[Breakdown]:
    """Return an indicator at a unit by each classification that it has; empty if it has none.

    Args:
        page: the page; its URL names the kept day.
        catalogue: the catalogue of the live view.
        code: code of the indicator.
        unit_id: the unit.
        period: the months.

    Raises:
        Refused: the caller may not read the numbers, or there is no such unit.
    """

    async def read(by: str) -> Breakdown:
        wanted = selection([unit_id], [code], period)
        wanted.by = by
        answer = await read_cells(page, wanted)
        return _breakdown(page, catalogue, code, by, answer)

    return await asyncio.gather(*map(read, catalogue.indicators[code].cuts))


def _breakdown(
    page: Page, catalogue: Catalogue, code: str, by: str, answer: kpi_service_pb2.GetKpisResponse
) -> Breakdown:
    split = answer.cells[0].split
    taxonomy = {each.code: each for each in catalogue.message.taxonomies}.get(by)
    names = {} if taxonomy is None else {each.code: each.name for each in taxonomy.terms}

    def name(term: str) -> str:
        if term == UNCLASSIFIED:
            return page.text("indicator.unclassified")
        if term in names:
            return str(getattr(names[term], page.lang.value))
        if term in catalogue.units:
            return catalogue.unit_name(term, page.lang)
        return page.word("value", term)

    terms = [
        (name(each.term), wire.number(each.verified), wire.number(each.declared))
        for each in split.terms
    ]
    both = (split.verified_again, split.declared_again)
    is_any = any(
        each.whole or each.ratio.numerator or (is_ratio(catalogue, code) and each.ratio.denominator)
        for each in both
    )
    again = [added(page, catalogue, code, each) for each in both] if is_any else []
    own = getattr(taxonomy.name, page.lang.value) if taxonomy else word(page.lang, "fact", by)
    return Breakdown(by, own, terms, again, answer.view)


def counted_otherwise(catalogue: Catalogue, code: str) -> Sequence[catalogue_pb2.Indicator]:
    """Return the indicators that count the same works by another rule, e.g. in fractions.

    They are in the order of the catalogue; empty for ratios and attainments.
    """
    own = catalogue.indicators[code]
    if own.attainment_of or own.HasField("denominator"):
        return []
    return [
        each
        for each in catalogue.message.indicators
        if each.code != code
        and not each.attainment_of
        and not each.HasField("denominator")
        and each.value.rule != own.value.rule
        and _works(each.value) == _works(own.value)
    ]


def _works(component: catalogue_pb2.Component) -> bytes:
    """Return what decides which works a component counts, apart from how it counts them."""
    same = catalogue_pb2.Component()
    same.CopyFrom(component)
    same.ClearField("rule")
    return same.SerializeToString(deterministic=True)
