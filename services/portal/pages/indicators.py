"""One indicator: its trend, the units below, and its definition in words with earlier versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from kieng.kpi.v1 import catalogue_pb2
from services import definitions
from services.kernel.errors import NotFound
from services.portal import wire
from services.portal.calls import Refused
from services.portal.catalogues import Catalogue
from services.portal.domain import periods
from services.portal.domain.figures import Figure
from services.portal.pages.board import SERIES_MONTHS, check_unit, counting, status_of
from services.portal.pages.breakdowns import Breakdown, breakdowns, counted_otherwise
from services.portal.pages.period_choice import period_of
from services.portal.pages.reading import catalogue_of, read_cells, selection
from services.portal.pages.reorganisations import trees_of
from services.portal.pages.tables import Value, plain, stamped, wanted_file
from services.portal.pages.trends import drawn_of, table_of, trend_of
from services.portal.site import Page
from services.portal.texts import word
from services.texts import Lang

VERSIONS_MAX = 12
"""Most catalogue versions that are searched for earlier definitions."""
UNITS_MAX = 200
"""Most units that are read for the table of a unit and those below it."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition of an indicator: a sentence, and the first catalogue version that has it."""

    version: int
    words: str


async def indicator(page: Page) -> Response:
    """Answer `/indicators/CODE`: the indicator at `unit`, by default at the root.

    With `file`, the answer is the trend as a file; with `table=units` or the code of a
    classification, that table.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such indicator or unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    catalogue = await catalogue_of(page)
    code = page.request.path_params["code"]
    unit_id = page.query.get("unit", catalogue.root)
    if code not in catalogue.indicators:
        raise NotFound(page.text("refused.no_page"))
    check_unit(page, catalogue, unit_id)
    period = await period_of(page, catalogue)
    months = periods.months_until(period.last, SERIES_MONTHS)
    parts = catalogue.parts.get(unit_id, [])
    otherwise = [each.code for each in counted_otherwise(catalogue, code)]
    answer, history, definitions, splits = await asyncio.gather(
        read_cells(page, selection([unit_id, *parts][:UNITS_MAX], [code, *otherwise], period)),
        read_cells(page, selection([unit_id], [code], months, by_month=True)),
        definitions_of(page, catalogue, code),
        breakdowns(page, catalogue, code, unit_id, period),
    )
    trees = await trees_of(page, unit_id, code, period, months, history.view)
    trend = trend_of(months, history, trees)
    figures, columns = wire.figures(answer.cells), [code, *otherwise]
    asked = [each for each in parts if (each, code) in figures]
    units = [unit_id, *catalogue.explaining(asked, counting(figures.values()))]
    drawn = drawn_of(page, trend, trees, figures[unit_id, code], catalogue.indicators[code])
    tables = {
        "": (table_of(page, trend), history.view),
        "units": (_units(page, catalogue, units, columns, figures), answer.view),
        **{each.by: (_terms(page, each), each.view) for each in splits},
        **({"trees": (trees.lines(page), trees.view)} if trees else {}),
    }
    lines = stamped(page, *tables.get(page.query.get("table", ""), tables[""]))
    if found := await wanted_file(page, f"kieng-{code}-{period.last}", lines):
        return found
    return page.html(
        "indicator.html",
        catalogue=catalogue,
        code=code,
        unit_id=unit_id,
        period=period,
        figures=figures,
        columns=columns,
        units=units,
        splits=splits,
        trees=trees,
        trend=trend,
        drawn=drawn,
        definitions=definitions,
        **status_of(answer.view),
    )


def _units(
    page: Page,
    catalogue: Catalogue,
    units: Sequence[str],
    columns: Sequence[str],
    figures: Mapping[tuple[str, str], Figure],
) -> list[list[Value]]:
    heading: list[Value] = [page.text("column.unit"), page.text("column.name"), *columns]
    rows: list[list[Value]] = [
        [
            each,
            catalogue.unit_name(each, page.lang),
            *(plain(figures[each, code].verified) for code in columns),
        ]
        for each in units
    ]
    return [heading, *rows]


def _terms(page: Page, found: Breakdown) -> list[list[Value]]:
    heading: list[Value] = [found.name, page.text("column.verified"), page.text("column.declared")]
    return [heading, *([name, *map(plain, values)] for name, *values in found.terms)]


async def definitions_of(page: Page, catalogue: Catalogue, code: str) -> Sequence[Definition]:
    """Return the definitions of an indicator in recent catalogue versions, newest first.

    Consecutive versions that agree give one definition. The search ends at a version that lacks the
    indicator or cannot be read, and after `VERSIONS_MAX` versions.

    Args:
        page: the page.
        catalogue: the catalogue of the live view.
        code: code of the indicator.
    """
    found: list[Definition] = []
    newest = catalogue.message.version
    for version in range(newest, max(0, newest - VERSIONS_MAX), -1):
        try:
            older = await page.site.catalogues.version(version, page.session.token)
        except Refused:
            break
        if code not in older.indicators:
            break
        words = rule_of(older.indicators[code], page.lang)
        if found and found[-1].words == words:
            found.pop()
        found.append(Definition(version, words))
    return found


def rule_of(indicator: catalogue_pb2.Indicator, lang: Lang) -> str:
    """Return a sentence in a language that says what an indicator counts.

    It is that of `definitions.words`, with the display names of the portal.
    """
    return definitions.words(indicator, lang.value, partial(named, lang))


def named(lang: Lang, group: str, name: str) -> str:
    """Return the display text of a protobuf name as it is written within a sentence.

    The text for a field begins with a lower-case letter, unless it begins with an abbreviation such
    as DOI; other texts are unchanged. A name without a text is returned itself.

    Args:
        lang: language of the text.
        group: `fact` for a field of a submission, `value` for an enum value or `type` for a
            submission type.
        name: name as the contracts have it.
    """
    found = word(lang, group, name)
    # Lower-case, except abbreviations such as DOI.
    is_lowered = group == "fact" and not found[1:2].isupper()
    return found[:1].lower() + found[1:] if is_lowered else found
