"""The import of a file, step by step: choose it, map its columns, try it, import it.

Every step is one form that contains the file; nothing is stored between the steps (ADR 0049).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.responses import HTMLResponse, Response

from kieng.submissions.v1 import import_service_pb2 as api
from services.importing.batches import batches
from services.importing.cells import cell_text
from services.importing.errors import Unclear, Unreadable
from services.importing.headings import ROW_COLUMNS, TYPES, columns
from services.importing.submission_file import SUFFIXES
from services.kernel.errors import InvalidArgument
from services.portal.calls import Refused
from services.portal.pages.effects import IMPORTS, Effects, effects_of_events
from services.portal.pages.import_reports import SHOWN_MAX, Report, with_long
from services.portal.pages.import_sending import imported
from services.portal.pages.tables import KINDS, Value, file, stamped
from services.portal.pages.written_units import written_units
from services.portal.site import Page
from services.portal.uploads import (
    FILE_BYTES_MAX,
    ROWS_MAX,
    Found,
    Upload,
    clean_name,
    packed,
    read,
    unpacked,
)

ASKED = {"type": 40, "system": 60, "unit": 100, "month_day": 5, "sheet": 100}
"""Name of a field that says how to read the file -> its most characters."""
SYSTEM = "file"
SAMPLES, SAMPLE_LENGTH = 3, 24
COLUMNS_MAX = 200
PROOFS_LENGTH_MAX = 1024 * 1024
PLAN_BYTES_MAX = 256 * 1024
REPORT_BYTES_MAX = 4 * 1024 * 1024
HELD = ("refused", *(f"{table}.{kind}" for table in ("report", "effects") for kind in KINDS))
"""Values of `action` that request a file which the form contains."""
CELLS = (str, int, float, type(None))


async def choose(page: Page) -> Response:
    """Answer `/import`: the empty form in which the user chooses a file."""
    return _shown(page, None, Found())


async def take(page: Page, given: FormData) -> Response:
    """Try or import the file in a form, or return one of its reports, as its field `action` says.

    Those of `HELD` return a file that the form contains. `commit` imports the rows, but only
    if exactly these rows were tried before. Anything else tries them, and the answer is a page with
    the outcome of each row.

    Args:
        page: the page.
        given: the fields of the form.

    Raises:
        Refused: the services cannot try the rows now.
        InvalidArgument: the report in the form is damaged. The caller's fault.
    """
    if (action := str(given.get("action", ""))) in HELD:
        return await _handed_back(page, given, action)
    try:
        upload = await _upload(page, given)
    except InvalidArgument as wrong:
        return _shown(page, None, Found(wrong=Unreadable("", wrong.message)), status=400)
    units = await written_units(page)
    found: Found = await page.site.desk.work(read, upload, units)
    if found.parsed is None:
        # To have the user choose the columns is a step, not a failure.
        return _shown(page, upload, found, status=200 if found.names else 400)
    plan = await _plan(page, given)
    if action == "commit" and plan.get("digest") == await page.site.desk.work(_digest, found):
        versions = {int(row): version for row, version in plan["versions"].items()}
        return await imported(page, upload, found, versions)
    report = Report(found, page.lang)
    effects = await _tried(page, report)
    is_old = action == "commit"
    return await _answer(page, upload, report, effects, is_old)


async def _tried(page: Page, report: Report) -> Effects | None:
    """Try all rows; return the numbers that would change, or None if these are not available."""
    submitted, verified = list[bytes](), list[bytes]()

    async def requests() -> AsyncIterator[api.TryBatchesRequest]:
        for with_events, rows in ((True, report.found.requests), (False, unread)):
            for each in batches(rows):
                yield api.TryBatchesRequest(rows=each, with_events=with_events)

    assert report.found.parsed is not None
    unread = report.found.parsed.unread
    if report.found.requests or len(unread):
        exchange = page.site.services.exchange
        async for batch in exchange(IMPORTS["TryBatches"], requests(), page.session.token):
            for answer in batch.answers:
                report.take(answer.answer)
                if not answer.answer.HasField("error") and report.is_whole(answer.answer.row):
                    report.versions[answer.answer.row] = answer.version_before
                submitted += answer.submitted
                verified += answer.verified
    try:
        return await effects_of_events(page, submitted, verified)
    except Refused as refused:
        if refused.code not in ("UNAVAILABLE", "FAILED_PRECONDITION", "DEADLINE_EXCEEDED"):
            raise
        return None


async def _answer(
    page: Page, upload: Upload, report: Report, effects: Effects | None, is_old: bool
) -> Response:
    lines = list(stamped(page, effects.lines(page), effects.view)) if effects else []
    hidden = await page.site.desk.work(_hidden, upload, report, lines)
    return _shown(
        page, upload, report.found, report=report, effects=effects, is_old=is_old, hidden=hidden
    )


def _digest(found: Found) -> str:
    return found.digest


def _hidden(upload: Upload, report: Report, effects: Sequence[Sequence[Value]]) -> dict[str, str]:
    """Return the hidden fields of a page: the file, what to import, and files to download."""
    plan = {"digest": report.found.digest, "versions": report.versions}
    kept = {"kept": packed(upload.content), "plan": packed(json.dumps(plan).encode())}
    return kept | report.files(upload, effects)


async def _upload(page: Page, given: FormData) -> Upload:
    asked = {name: str(given.get(name, "")).strip()[:most] for name, most in ASKED.items()}
    asked["system"] = asked["system"] or SYSTEM
    proofs = str(given.get("proofs", ""))[:PROOFS_LENGTH_MAX]
    chosen = given.get("file")
    if isinstance(chosen, UploadFile) and chosen.filename:
        content = await chosen.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise InvalidArgument(page.text("import.too_large", size=FILE_BYTES_MAX // 1024**2))
        return Upload(clean_name(chosen.filename), content, asked, proofs=proofs)
    if not (kept := given.get("kept")):
        raise InvalidArgument(page.text("import.no_file"))
    content = await page.site.desk.work(unpacked, str(kept))
    name = clean_name(str(given.get("name", "")))
    mapped = {}
    if given.get("mapped", "") == asked["type"]:
        pairs = zip(given.getlist("heading"), given.getlist("as"), strict=False)
        mapped = {str(heading): str(column) for heading, column in pairs}
    return Upload(name, content, asked, mapped, proofs)


async def _plan(page: Page, given: FormData) -> dict[str, Any]:
    """Return digest and versions of the rows that the form shows as tried; empty if none."""
    if not (text := str(given.get("plan", ""))):
        return {}
    try:
        plan = json.loads(await page.site.desk.work(unpacked, text, PLAN_BYTES_MAX))
        for row, version in plan["versions"].items():
            api.ImportSubmissionsRequest(row=int(row)).version_before = version
    except (InvalidArgument, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return plan  # type: ignore[no-any-return]


async def _handed_back(page: Page, given: FormData, action: str) -> Response:
    """Return a file that the form contains: a table as CSV or XLSX, or the refused rows."""
    table, _, kind = action.partition(".")
    content = await page.site.desk.work(unpacked, str(given.get(table, "")), REPORT_BYTES_MAX)
    name = clean_name(str(given.get("name", "")))
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)
    if kind:
        return await file(kind, f"{stem[:60] or 'import'}-{table}", _table(content))
    kind = "xlsx" if content.startswith(b"PK") else "csv"
    disposition = f'attachment; filename="{stem[:60] or "import"}-{action}.{kind}"'
    return Response(content, media_type=KINDS[kind], headers={"content-disposition": disposition})


def _table(content: bytes) -> list[list[Value]]:
    """Return the headings and rows that a form contains.

    Raises:
        InvalidArgument: the form is damaged. The caller's fault.
    """
    try:
        lines = json.loads(content)
    except ValueError:
        lines = None
    is_table = isinstance(lines, list) and all(isinstance(line, list) for line in lines)
    if not is_table or not all(isinstance(cell, CELLS) for line in lines for cell in line):
        raise InvalidArgument("the form is damaged; choose the file again")
    return lines  # type: ignore[no-any-return]


def _shown(
    page: Page,
    upload: Upload | None,
    found: Found,
    *,
    status: int = 200,
    report: Report | None = None,
    effects: Effects | None = None,
    is_old: bool = False,
    hidden: Mapping[str, str] | None = None,
) -> Response:
    """Return the page; its hidden fields are inserted last, see `with_long`."""
    if hidden is None:
        hidden = {} if upload is None else {"kept": packed(upload.content)}
    wrong = found.wrong
    asked = {"system": SYSTEM} if upload is None else {**upload.asked}
    if found.type_name:
        asked["type"] = found.type_name
    html = page.written(
        "imports.html",
        long=hidden,
        upload=upload,
        found=found,
        asked=asked,
        types=sorted(TYPES, key=lambda name: page.word("type", name)),
        suffixes=SUFFIXES,
        megabytes=FILE_BYTES_MAX // 1024**2,
        bytes_max=FILE_BYTES_MAX,
        rows_max=ROWS_MAX,
        mapping=[] if found.source else _mapping(page, found),
        columns=[(name, label(page, name)) for name in columns(found.type_name)]
        if found.type_name
        else [],
        problem="" if wrong is None else _problem(page, wrong),
        choice=_choice(wrong),
        report=report,
        shown_max=SHOWN_MAX,
        effects=effects,
        is_old=is_old,
    )
    return HTMLResponse(with_long(html, hidden), status)


def _choice(wrong: Unreadable | None) -> str:
    return wrong.choice if isinstance(wrong, Unclear) else ""


def _problem(page: Page, wrong: Unreadable) -> str:
    """Return the message about a file; to an unknown type, the page has its own remedy."""
    if _choice(wrong) == "type":
        return page.text("import.choose_type")
    place, _, line = wrong.place.rpartition(":")
    if place == "evidence":
        return page.text("import.proofs_wrong", line=line)
    return page.said(wrong.problem)


def _mapping(page: Page, found: Found) -> list[tuple[str, str, str]]:
    """Return (heading, its first values, its column) for each heading that can be mapped."""
    rows = [cells for _, cells in list(found.table.rows)[:SAMPLES]]
    return [
        (
            heading,
            " · ".join(_short(cell_text(cells[at])) for cells in rows if at < len(cells)),
            name,
        )
        for at, (heading, name) in enumerate(zip(found.table.header, found.names, strict=False))
        if heading
    ][:COLUMNS_MAX]


def _short(text: str) -> str:
    return text if len(text) <= SAMPLE_LENGTH else f"{text[:SAMPLE_LENGTH]}…"


def label(page: Page, name: str) -> str:
    """Return the display name of a column in the language of the page; else the name itself.

    Args:
        page: the page.
        name: a column that import files may have, e.g. `record_id` or the name of a field.
    """
    own = page.word("import_column", name)
    return own if own != name or name in ROW_COLUMNS else page.word("fact", name)
