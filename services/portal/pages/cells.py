"""One number and the works behind it, and why a work is not among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal import wire
from services.portal.domain.periods import Period, period
from services.portal.pages.board import KPI, read_cells, selection, status_of
from services.portal.pages.contributions import Contributions, read_contributions
from services.portal.pages.tables import Value, plain, wanted_file
from services.portal.site import Page

SUBMISSIONS = submission_service_pb2.DESCRIPTOR.services_by_name[
    "SubmissionService"
].methods_by_name
MEASURES = {
    "verified": kpi_service_pb2.MEASURE_VERIFIED,
    "declared": kpi_service_pb2.MEASURE_DECLARED,
}


@dataclass(frozen=True, slots=True)
class CellName:
    """Which number: unit, indicator, months and measure."""

    unit_id: str
    code: str
    period: Period
    measure: str

    def query(self) -> dict[str, str]:
        """Return the parameters of a link to it."""
        return {
            "unit": self.unit_id,
            "indicator": self.code,
            "from_": self.period.first,
            "to": self.period.last,
            "measure": self.measure,
        }


def named(page: Page) -> CellName:
    """Return which number a link names.

    Raises:
        InvalidArgument: it does not name one.
    """
    query = page.query
    measure = query.get("measure", "verified")
    if measure not in MEASURES or not query.get("unit") or not query.get("indicator"):
        raise InvalidArgument(page.text("refused.no_cell"))
    months = period(query.get("from", ""), query.get("to", ""))
    return CellName(query["unit"], query["indicator"], months, measure)


async def cell(page: Page) -> Response:
    """Answer `/cells`: the number, its works, and with `work` why that one counts or not.

    Raises:
        Refused: the caller may not read, or something named does not exist.
        InvalidArgument: the link does not name a number.
    """
    name = named(page)
    catalogue = await page.site.catalogues.live(page.session.token)
    answer = await read_cells(page, selection([name.unit_id], [name.code], name.period))
    ask = partial(page.call, KPI["ExplainKpi"])
    explained = await read_contributions(ask, explain_request(page, name))
    file_name = f"kieng-{name.code}-{name.period.first}-{name.period.last}"
    if found := await wanted_file(page, file_name, _lines(page, explained)):
        return found
    asked = await asked_work(page)
    absence = await explain_absence(page, name, asked) if asked else None
    return page.html(
        "cell.html",
        catalogue=catalogue,
        name=name,
        figure=wire.figure(answer.cells[0]),
        **status_of(explained.view),
        word_of=finding_word,
        value=wire.number(explained.value),
        works=[(work, wire.number(work.contribution)) for work in explained.works],
        is_exact=explained.is_exact,
        part=explained.part,
        is_whole=not (explained.next_page or page.query.get("page")),
        next_page=explained.next_page,
        asked=asked,
        absence=absence,
    )


def _lines(page: Page, explained: Contributions) -> Iterator[list[Value]]:
    """Yield the works of a number as a file has them, with what they stand on."""
    names = ("cell.work", "column.title", "cell.contribution", "cell.claims", "work.verified")
    yield [page.text(each) for each in (*names, "column.view", "column.digest")]
    for work in explained.works:
        member = work.member or (f"#{work.member_number}" if work.member_number else "")
        yield [
            work.work_key,
            work.title,
            member or plain(wire.number(work.contribution)),
            ", ".join(claim.unit_id for claim in work.claims),
            ", ".join(claim.unit_id for claim in work.claims if claim.verified),
            explained.view.view_id,
            explained.view.digest,
        ]


def explain_request(page: Page, name: CellName) -> kpi_service_pb2.ExplainKpiRequest:
    """Return the request for the works behind a number, from the page token in the URL on."""
    return kpi_service_pb2.ExplainKpiRequest(
        unit_id=name.unit_id,
        indicator_code=name.code,
        from_month=name.period.first,
        to_month=name.period.last,
        measure=MEASURES[name.measure],
        page_token=page.query.get("page", ""),
    )


async def asked_work(page: Page) -> str:
    """Return the key of the work that a link or a person names by `work`; empty if none.

    A DOI may be written in any way, also as the address of its page.

    Raises:
        Refused: the caller may not read.
    """
    given = page.query.get("work", "").strip()
    if not given:
        return ""
    request = submission_service_pb2.GetWorkKeyRequest(text=given)
    answer = await page.call(SUBMISSIONS["GetWorkKey"], request)
    return str(answer.work_key)


async def explain_absence(
    page: Page, name: CellName, work_key: str
) -> kpi_service_pb2.ExplainAbsenceResponse:
    """Return why a work counts in a number, or why it does not.

    Raises:
        Refused: the caller may not read.
    """
    request = kpi_service_pb2.ExplainAbsenceRequest(
        work_key=work_key,
        unit_id=name.unit_id,
        indicator_code=name.code,
        from_month=name.period.first,
        to_month=name.period.last,
        measure=MEASURES[name.measure],
    )
    answer: kpi_service_pb2.ExplainAbsenceResponse = await page.call(KPI["ExplainAbsence"], request)
    return answer


def finding_word(finding: kpi_service_pb2.Finding) -> str:
    """Return the key of a reason: `REASON_NOT_VERIFIED` is `not_verified`."""
    name = kpi_service_pb2.Finding.Reason.Name(finding.reason)
    return name.removeprefix("REASON_").lower()
