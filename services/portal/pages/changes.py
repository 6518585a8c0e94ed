"""What changed a number since a day: each work, who did what to it when, and the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kieng.kpi.v1 import edition_service_pb2, view_pb2
from services.portal import wire
from services.portal.calls import Refused
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Number
from services.portal.pages.additions import added
from services.portal.pages.cell_names import MEASURES, CellName
from services.portal.pages.editions import EDITIONS, cause_of
from services.portal.pages.tables import Value, plain
from services.portal.pages.threads import Entry, readable_threads
from services.portal.site import Page

LINES_MAX = 200
"""Most works that a page shows; a file has all of them."""
THREADS_MAX = 40
PASSING = ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION")
"""Refusals that concern the comparison alone, so that the rest of the page is still of use."""


@dataclass(frozen=True, slots=True)
class Line:
    """A work that counts otherwise than on the day.

    Args:
        work_key: the work.
        kind: `added` if the number grew by it, `gone` if it fell, `changed` if a claim on it was
            amended.
        difference: what it changed, see `added`.
        claims: the submissions that did it.
    """

    work_key: str
    kind: str
    difference: str | Number | None
    claims: Sequence[edition_service_pb2.RestatedClaim]


@dataclass(frozen=True)
class Changes:
    """How a number came from its value at the end of a day to its present one.

    Args:
        since: the day, `YYYY-MM-DD`.
        before: value at the end of the day; the present one if nothing changed.
        now: the present value.
        lines: works that changed it.
        adds_up: whether the works explain the whole difference.
        view: what the present value was computed from.
        threads: submission id -> what happened to it since the day, as far as the reader may know.
        problem: why the comparison could not be made now; empty if it was.
    """

    since: str
    before: Number | None = None
    now: Number | None = None
    lines: Sequence[Line] = ()
    adds_up: bool = False
    view: view_pb2.ViewInfo = field(default_factory=view_pb2.ViewInfo)
    threads: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    problem: str = ""


async def wanted_changes(
    page: Page, catalogue: Catalogue, name: CellName, now: Number | None
) -> Changes | None:
    """Return what changed a number since the day that the URL names by `since`; None without it.

    Args:
        page: the page.
        catalogue: the catalogue of the live view.
        name: the number.
        now: its present value, which it also had on the day if nothing changed.

    Raises:
        Refused: the caller may not read it, or the day is not valid.
    """
    since = page.query.get("since", "")
    if not since:
        return None
    indicator = catalogue.indicators.get(name.code)
    if indicator is not None and indicator.attainment_of:
        # Works change counts; how much of a target that is, is no sum over works.
        said = page.text("change.attainment", code=indicator.attainment_of)
        return Changes(since, problem=said)
    request = edition_service_pb2.ListChangesRequest(
        unit_id=name.unit_id,
        indicator_code=name.code,
        from_month=name.period.first,
        to_month=name.period.last,
        measure=MEASURES[name.measure],
        as_of=since,
        unit_only=True,
    )
    lines: list[Line] = []
    before, after = now, now
    last = edition_service_pb2.ListChangesResponse()
    try:
        token = page.session.token
        async for last in page.site.services.stream(EDITIONS["ListChanges"], request, token):
            lines += (_line(page, catalogue, each, name) for each in last.restatements)
            for cell in last.cells:
                if (cell.unit_id, cell.indicator_code) == (name.unit_id, name.code):
                    before, after = wire.number(cell.closed), wire.number(cell.now)
    except Refused as refused:
        if refused.code not in PASSING:
            raise
        return Changes(since, problem=page.said(refused.message))
    threads = await _threads(page, lines, since)
    return Changes(since, before, after, lines, last.adds_up, last.view, threads)


def _line(
    page: Page, catalogue: Catalogue, found: edition_service_pb2.Restatement, name: CellName
) -> Line:
    own = (
        each.difference
        for each in found.changes
        if (each.unit_id, each.indicator_code) == (name.unit_id, name.code)
    )
    value = next(own, view_pb2.Value())
    # Of a ratio, a work may change the lower part alone.
    step = value.whole or value.ratio.numerator or value.ratio.denominator
    is_amended = any(cause_of(claim) == "amended" for claim in found.claims)
    kind = "changed" if is_amended or not step else "added" if step > 0 else "gone"
    difference = added(page, catalogue, name.code, value, is_change=True)
    return Line(found.work_key, kind, difference, list(found.claims))


async def _threads(page: Page, lines: Sequence[Line], since: str) -> Mapping[str, Sequence[Entry]]:
    """Return what happened since a day to the submissions that the reader may read.

    They are of the reader's institution; a reader of one unit may not read those of other units.
    """
    if not page.session.may("contributor", "reviewer", "approver", "auditor"):
        return {}
    own, zone = page.session.institution_id, page.site.zone
    claims = [each for line in lines for each in line.claims if each.institution_id == own]
    ids = list(dict.fromkeys(each.submission_id for each in claims))[:THREADS_MAX]
    return {
        name: [each for each in thread if each.at.astimezone(zone).date().isoformat() > since]
        for name, thread in (await readable_threads(page, ids)).items()
    }


def lines_of(page: Page, found: Changes) -> Iterator[list[Value]]:
    """Yield headings and rows of a file: each claim that changed the number, and its history.

    Args:
        page: the page, for its language.
        found: the changes.
    """
    keys = (
        *("cell.work", "change.kind", "change.difference", "column.unit", "edition.cause"),
        *("submission.id", "change.history"),
    )
    yield [page.text(key) for key in keys]
    for line in found.lines:
        for claim in line.claims:
            history = "; ".join(
                f"{page.moment(each.at)} {page.text(f'action.{each.action}')} "
                f"{each.subject} {each.reason}".strip()
                for each in found.threads.get(claim.submission_id, ())
            )
            yield [
                line.work_key,
                page.text(f"change.{line.kind}"),
                plain(line.difference),
                claim.unit_id,
                page.text(f"cause.{cause_of(claim)}"),
                claim.submission_id,
                history,
            ]
