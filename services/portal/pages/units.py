"""A unit: its figures, and its children as the KPI service ranks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from starlette.responses import Response

from services.portal import wire
from services.portal.domain.figures import Figure
from services.portal.pages.board import Board, Row, board, counting
from services.portal.pages.reading import catalogue_of, read_cells, selection
from services.portal.pages.reorganisations import wanted_trees
from services.portal.pages.summaries import Summary, read_summary
from services.portal.pages.summary_tables import parts_lines
from services.portal.pages.tables import Value, plain, stamped, wanted_file
from services.portal.site import Page

COLUMNS_MAX = 6
"""Most indicators in the table of children that have no targets."""


async def unit(page: Page) -> Response:
    """Answer `/units/ID`: the board of the unit, and the table of its children, if it has any.

    The children are in the order in which the KPI service ranks them; over more than a year, which
    it does not summarise, in that of the tree. With `file`, the answer is their table as a file;
    with `trees=1&table=trees`, that of both trees.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    unit_id = page.request.path_params["unit_id"]
    catalogue = await catalogue_of(page)
    found = await board(page, catalogue, [unit_id])
    parts = catalogue.parts.get(unit_id, [])
    columns = shown(found)
    summary = await read_summary(page, unit_id, found.period) if parts else None
    view, figures = summary.view if summary else found.view, dict[tuple[str, str], Figure]()
    if parts and columns and not (summary and summary.has_targets):
        codes = [row.code for row in columns]
        answer = await read_cells(page, selection(parts, codes, found.period))
        view, figures = answer.view, wire.figures(answer.cells)
    ranked = [each.unit_id for each in summary.ranks] if summary else parts
    order = catalogue.explaining(ranked, counting(figures.values()))
    trees = await wanted_trees(page, unit_id, [row.code for row in found.rows], found.period)
    lines: Iterable[Sequence[Value]] = _lines(page, found, summary, order, columns, figures)
    if trees and page.query.get("table") == "trees":
        lines, view = trees.lines(page), trees.view
    lines = stamped(page, lines, view)
    if file := await wanted_file(page, f"kieng-{unit_id.replace('/', '-')}-children", lines):
        return file
    return page.html(
        "unit.html",
        board=found,
        unit_id=unit_id,
        path=catalogue.path(unit_id),
        summary=summary,
        order=order,
        columns=columns,
        figures=figures,
        trees=trees,
    )


def _lines(
    page: Page,
    found: Board,
    summary: Summary | None,
    order: Sequence[str],
    columns: Sequence[Row],
    figures: Mapping[tuple[str, str], Figure],
) -> Iterator[list[Value]]:
    """Yield headings and rows of the file of the table of children, in the order of the page."""
    if summary and summary.has_targets:
        yield from parts_lines(page, summary, found.catalogue)
        return
    names = [page.text("column.unit"), page.text("column.name")]
    yield [*names, *(row.code for row in columns)]
    for unit_id in order:
        values = (plain(figures[unit_id, row.code].verified) for row in columns)
        yield [unit_id, found.catalogue.unit_name(unit_id, page.lang), *values]


def shown(found: Board) -> Sequence[Row]:
    """Return the rows of a board in which its first unit has a value other than 0.

    At most the first `COLUMNS_MAX` are returned.
    """
    rows = [row for row in found.rows if row.figures[0].declared or row.figures[0].verified]
    return rows[:COLUMNS_MAX]
