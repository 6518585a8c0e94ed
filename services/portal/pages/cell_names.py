"""Which number a page is about, and which work it asks about."""

from __future__ import annotations

from dataclasses import dataclass

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.domain.periods import Period, period
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
    """Which number a page is about.

    Args:
        unit_id: the unit.
        code: code of the indicator.
        period: the months.
        measure: `verified` or `declared`.
    """

    unit_id: str
    code: str
    period: Period
    measure: str

    def query(self) -> dict[str, str]:
        """Return the URL parameters that identify the number, for `pieces.link`: name -> value.

        The first month has the name `from_`, from which `link` removes the underscore.
        """
        return {
            "unit": self.unit_id,
            "indicator": self.code,
            "from_": self.period.first,
            "to": self.period.last,
            "measure": self.measure,
        }


def named(page: Page) -> CellName:
    """Return which number the URL of a page names; without `measure`, it is the verified one.

    Raises:
        InvalidArgument: unit, indicator or period is missing or not valid, or the measure is
            unknown. The caller's fault.
    """
    query = page.query
    measure = query.get("measure", "verified")
    if measure not in MEASURES or not query.get("unit") or not query.get("indicator"):
        raise InvalidArgument(page.text("refused.no_cell"))
    months = period(query.get("from", ""), query.get("to", ""))
    return CellName(query["unit"], query["indicator"], months, measure)


def explain_request(page: Page, name: CellName) -> kpi_service_pb2.ExplainKpiRequest:
    """Return the request for the works behind a number, from the page of results in the URL on.

    Args:
        page: the page; parameter `page` of its URL is the page token of the results, by default the
            first page.
        name: the number.
    """
    return kpi_service_pb2.ExplainKpiRequest(
        unit_id=name.unit_id,
        indicator_code=name.code,
        from_month=name.period.first,
        to_month=name.period.last,
        measure=MEASURES[name.measure],
        page_token=page.query.get("page", ""),
    )


async def asked_work(page: Page) -> str:
    """Return the key of the work that parameter `work` names; empty without the parameter.

    The parameter is a work key, or a DOI in any form, e.g. as a web address; any other text is
    returned as it is. Whether the work exists is not checked.

    Raises:
        Refused: the caller may not read.
    """
    given = page.query.get("work", "").strip()
    if not given:
        return ""
    request = submission_service_pb2.GetWorkKeyRequest(text=given)
    answer = await page.call(SUBMISSIONS["GetWorkKey"], request)
    return str(answer.work_key)
