"""The agreement of the three universities: the yearly plan against what has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from starlette.responses import Response

from kieng.kpi.v1 import view_pb2
from services.portal import wire
from services.portal.domain import periods
from services.portal.domain.figures import Figure
from services.portal.pages.board import Board, board
from services.portal.pages.reading import catalogue_of, read_cells, selection
from services.portal.pages.tables import Value, plain, stamped, wanted_file
from services.portal.site import Page

AGREEMENT = "TRI"
"""What the codes of the indicators of the agreement of the three universities begin with."""
YEARS_BEFORE, YEARS_AFTER = 2, 2
"""Years of the plan that are shown around the year of the board."""
Years = Mapping[int, Mapping[str, Figure]]
"""Year -> code of an indicator -> its figure for the consortium in that year."""


async def agreement(page: Page) -> Response:
    """Answer `/agreement`: the board of its indicators, and the plan of five years.

    With `file`, the answer is the plan as a file.

    Raises:
        Refused: the caller may not read the numbers.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    catalogue = await catalogue_of(page)
    institutions = [each.unit_id for each in catalogue.children(catalogue.root)]
    found = await board(page, catalogue, [catalogue.root, *institutions], AGREEMENT)
    shown = int(found.period.last[:4])
    numbers = range(shown - YEARS_BEFORE, shown + YEARS_AFTER + 1)
    codes = [row.code for row in found.rows]
    answers = await asyncio.gather(
        *(read_cells(page, selection([catalogue.root], codes, periods.year(n))) for n in numbers)
    )
    present = int((page.as_of or page.today.isoformat())[:4])
    years = {
        number: {each.indicator_code: _of_year(each, number <= present) for each in answer.cells}
        for number, answer in zip(numbers, answers, strict=True)
    }
    lines = stamped(page, _lines(page, found, years), answers[0].view)
    if file := await wanted_file(page, "kieng-agreement", lines):
        return file
    return page.html("agreement.html", board=found, years=years)


def _of_year(cell: view_pb2.Cell, has_begun: bool) -> Figure:
    """Return the figure of a year, without a value before it begins: stocks would have one."""
    found = wire.figure(cell)
    return found if has_begun else replace(found, verified=None, declared=None)


def _lines(page: Page, found: Board, years: Years) -> Iterator[Sequence[Value]]:
    """Yield headings and rows of the file of the plan, in the order of the page."""
    names = [page.text("column.indicator"), page.text("column.indicator_name")]
    kinds = ("agreement.plan", "agreement.happened")
    yield [*names, *(f"{year}: {page.text(kind)}" for year in years for kind in kinds)]
    for row in found.rows:
        figures = (own[row.code] for own in years.values())
        pairs = ((plain(each.target), plain(each.verified)) for each in figures)
        yield [row.code, row.name, *(value for pair in pairs for value in pair)]
