"""The report of a unit, also for printing."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.pages.board import Board, board
from services.portal.pages.printing import Report, by_house, source, wanted_document
from services.portal.pages.reading import catalogue_of
from services.portal.pages.summaries import Summary, read_summary
from services.portal.pages.summary_tables import standing_counts, summary_sections, urgent
from services.portal.site import Page


async def report(page: Page) -> Response:
    """Answer `/report`: one unit and period on A4; `file` makes it PDF, CSV or XLSX.

    Without `unit`, it is the unit of the user's roles; the consortium for those who have none.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    catalogue = await catalogue_of(page)
    own = page.session.unit_id
    unit_id = page.query.get("unit") or (own if own in catalogue.units else catalogue.root)
    found = await board(page, catalogue, [unit_id], is_of_report=True)
    made = report_of(page, found, await read_summary(page, unit_id, found.period))
    if document := await wanted_document(page, made):
        return document
    return page.html(
        "report.html",
        report=made,
        board=found,
        unit_id=unit_id,
        sections=list(summary_sections(page, made.summary, catalogue)) if made.summary else [],
        standing=standing_counts(page, made.summary) if made.summary else "",
        urgent=urgent(made.summary) if made.summary else [],
    )


def report_of(page: Page, found: Board, summary: Summary | None) -> Report:
    """Return the report of the first unit of a board, with the view and the URL as its sources.

    Args:
        page: the page.
        found: board of the unit with the indicators of all houses.
        summary: summary of the unit; None if there is none.
    """
    unit_id, period = found.unit_ids[0], found.period
    newest = page.text("view.reading")
    if found.newest:
        newest = page.moment(found.newest)
    views = [found.view, *([summary.view] if summary else [])]
    # The numbers may have moved on between the two answers; then both states are named.
    digests = dict.fromkeys(view.digest for view in views if view.digest)
    where = {"unit": unit_id, "from_": period.first, "to": period.last, "as_of": page.as_of}
    origin = page.site.settings.public_url or str(page.request.base_url)
    return Report(
        found.catalogue.unit_name(unit_id, page.lang),
        period.first,
        period.last,
        by_house(found.catalogue, found.rows),
        [
            (page.text("health.view"), found.view.view_id),
            (page.text("health.newest"), newest),
            *((page.text("report.judged"), on) for on in found.judged_on),
            *((page.text("health.digest"), digest) for digest in digests),
            source(page, origin, "/report", **where),
        ],
        found.newest,
        f"kieng-{unit_id.replace('/', '-')}-{period.first}-{period.last}",
        summary,
        found.catalogue,
    )
