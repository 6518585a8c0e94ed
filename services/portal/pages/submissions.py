"""The submissions of the user's institution by state, and the link to a new one."""

from __future__ import annotations

from starlette.responses import Response

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.forms import TYPES
from services.portal.pages.cell_names import SUBMISSIONS
from services.portal.pages.reading import unit_names
from services.portal.pages.tables import wanted_file, wants_file
from services.portal.pages.works import READERS, shown
from services.portal.site import Page

PAGE_SIZE = 100
FILE_PAGE_SIZE, FILE_ROWS_MAX = 500, 50_000
"""Submissions of one call for a file, and most of a file."""
STATES = {
    name.removeprefix("STATE_").lower(): number
    for name, number in submission_pb2.State.items()
    if number
}


async def submissions(page: Page) -> Response:
    """Answer `/submissions`: one page of the list, by `state`, `type` and `unit` if given.

    With `file`, the answer is a table of those of all pages, at most `FILE_ROWS_MAX`.

    Raises:
        Refused: the caller may not read submissions.
    """
    is_file = wants_file(page)
    state = page.query.get("state", "")
    rows: list[dict[str, object]] = []
    following = ""
    if page.session.may(*READERS):
        request = submission_service_pb2.ListSubmissionsRequest(
            states=[STATES[state]] if state in STATES else [],
            type=page.query.get("type", ""),
            unit_id=page.query.get("unit", ""),
            page_size=FILE_PAGE_SIZE if is_file else PAGE_SIZE,
            page_token="" if is_file else page.query.get("page", ""),
        )
        while True:
            answer = await page.call(SUBMISSIONS["ListSubmissions"], request)
            rows += map(shown, answer.submissions)
            request.page_token = following = answer.next_page_token
            if not (is_file and following and len(rows) < FILE_ROWS_MAX):
                break
    names = ("id", "state", "type", "unit_id", "work_key", "reason", "title", "updated_at")
    heading = [page.text(f"submission.{name}") for name in names[:6]]
    heading += [page.text(key) for key in ("column.title", "own.updated")]
    if found := await wanted_file(
        page, "kieng-submissions", [heading, *([str(row[n]) for n in names] for row in rows)]
    ):
        return found
    return page.html(
        "submissions.html",
        submissions=rows,
        unit_name=await unit_names(page),
        states=STATES,
        state=state,
        types=TYPES,
        may_write=page.session.may("contributor"),
        next_page=following,
    )
