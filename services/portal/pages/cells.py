"""The page of one number: the works behind it, what changed it, and why some work is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from starlette.responses import Response

from kieng.kpi.v1 import kpi_service_pb2
from services.portal import wire
from services.portal.domain.figures import Number
from services.portal.pages.additions import added
from services.portal.pages.board import status_of
from services.portal.pages.cell_names import asked_work, explain_request, named
from services.portal.pages.changes import LINES_MAX, lines_of, wanted_changes
from services.portal.pages.contributions import (
    WORKS_MAX,
    Contributions,
    read_contributions,
    works_max,
)
from services.portal.pages.editions import cause_of
from services.portal.pages.findings import (
    explain_absence,
    fact_words,
    finding_word,
    found_words,
    reasons,
    wanted_words,
)
from services.portal.pages.reading import KPI, read_cells, selection
from services.portal.pages.tables import Value, plain, stamped, wanted_file
from services.portal.site import Page


async def cell(page: Page) -> Response:
    """Answer `/cells`: a number and its works; with `work`, also why that one counts or not.

    With `since`, it also says what changed the number since the end of that day. With `file`, the
    answer is the table of works as a file; with `table=changes` or `table=reasons`, another table.

    Raises:
        Refused: the caller may not read it, or the unit or indicator does not exist.
        InvalidArgument: the URL names no number. The caller's fault.
    """
    name = named(page)
    catalogue = await page.site.catalogues.live(page.session.token)
    answer = await read_cells(page, selection([name.unit_id], [name.code], name.period))
    ask = partial(page.call, KPI["ExplainKpi"])
    request = explain_request(page, name)
    most = WORKS_MAX if page.query.get("table") else works_max(page)
    if most > WORKS_MAX:
        request.page_token = ""  # a file has the works of all pages
    explained = await read_contributions(ask, request, most)
    file_name = f"kieng-{name.code}-{name.period.first}-{name.period.last}"
    changes = await wanted_changes(page, catalogue, name, wire.number(explained.value))
    works = [
        (work, added(page, catalogue, name.code, work.contribution)) for work in explained.works
    ]
    lines, view = _lines(page, works, explained), explained.view
    if changes and page.query.get("table") == "changes":
        lines, view = lines_of(page, changes), changes.view
    asked = await asked_work(page)
    absence = await explain_absence(page, name, asked) if asked else None
    if absence and page.query.get("table") == "reasons":
        lines, view = reasons(page, absence), absence.view
    if found := await wanted_file(page, file_name, stamped(page, lines, view)):
        return found
    return page.html(
        "cell.html",
        catalogue=catalogue,
        name=name,
        figure=wire.figure(answer.cells[0]),
        **status_of(explained.view),
        word_of=finding_word,
        wanted_words=partial(wanted_words, page),
        found_words=partial(found_words, page),
        fact_words=partial(fact_words, page),
        value=wire.number(explained.value),
        works=works,
        # Of the works on this page; others are named by their keys.
        titles={work.work_key: work.title for work in explained.works},
        is_exact=explained.is_exact,
        part=explained.part,
        is_whole=not (explained.next_page or page.query.get("page")),
        next_page=explained.next_page,
        changes=changes,
        lines_max=LINES_MAX,
        cause_of=cause_of,
        asked=asked,
        absence=absence,
    )


def _lines(
    page: Page,
    works: Sequence[tuple[kpi_service_pb2.ExplainedWork, str | Number | None]],
    explained: Contributions,
) -> Iterator[list[Value]]:
    """Yield headings and rows of a file: the works of a number."""
    names = ("cell.work", "column.title", "cell.contribution", "cell.claims", "work.verified")
    yield [page.text(each) for each in names]
    for work, contribution in works:
        member = work.member or (f"#{work.member_number}" if work.member_number else "")
        yield [
            work.work_key,
            work.title,
            member or plain(contribution),
            ", ".join(claim.unit_id for claim in work.claims),
            ", ".join(claim.unit_id for claim in work.claims if claim.verified),
        ]
    if explained.next_page:
        value = plain(wire.number(explained.value))
        yield [page.text("cell.page", works=len(works), value=value)]
