"""A unit: its figures, and its children ranked by targets or, without targets, by values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from services.portal import wire
from services.portal.domain.figures import Figure, Rank, ranked
from services.portal.pages.board import Board, Row, board, read_cells, selection
from services.portal.site import Page

COLUMNS_MAX = 6
"""Most indicators in the table of children that have no targets."""


async def unit(page: Page) -> Response:
    """Answer `/units/ID`: the board of the unit, and the table of its children, if it has any.

    The children are ranked by their targets or, if none has a target, by their verified values of
    the first indicator in the table.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    unit_id = page.request.path_params["unit_id"]
    catalogue = await page.site.catalogues.live(page.session.token)
    found = await board(page, catalogue, [unit_id])
    children = [each.unit_id for each in catalogue.children(unit_id)]
    figures: Mapping[tuple[str, str], Figure] = {}
    ranks: list[Rank] = []
    columns = shown(found)
    if children:
        codes = [row.code for row in found.rows]
        answer = await read_cells(page, selection(children, codes, found.period))
        figures = wire.figures(answer.cells)
        ranks = ranked(children, list(figures.values()))
    has_targets = any(each.attainment is not None for each in ranks)
    judged = [each for each in figures.values() if each.standing]
    if columns and not has_targets:
        ranks.sort(key=lambda each: -(figures[each.unit_id, columns[0].code].verified or 0))
    return page.html(
        "unit.html",
        board=found,
        unit_id=unit_id,
        path=catalogue.path(unit_id),
        ranks=ranks,
        has_targets=has_targets,
        is_past=bool(judged) and all(each.is_over for each in judged),
        columns=columns,
        figures=figures,
    )


def shown(found: Board) -> Sequence[Row]:
    """Return the rows of a board in which its first unit has a value other than 0.

    At most the first `COLUMNS_MAX` are returned.
    """
    rows = [row for row in found.rows if row.figures[0].declared or row.figures[0].verified]
    return rows[:COLUMNS_MAX]
