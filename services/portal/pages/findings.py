"""Why a work counts in a number or does not: what the KPI service finds, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kieng.kpi.v1 import kpi_service_pb2
from services.portal.pages.cell_names import MEASURES, CellName
from services.portal.pages.reading import KPI
from services.portal.pages.tables import Value
from services.portal.site import Page

WITHIN = re.compile(r"within ([0-9]+) days after (\w+)")
MONTHS = re.compile(r"([0-9]{4}-[0-9]{2}) to ([0-9]{4}-[0-9]{2})")
OF_VALUES = ("any_of", "none_of", "at_least", "minimum")
NEEDS_FACT = (
    kpi_service_pb2.Finding.REASON_CONDITION,
    kpi_service_pb2.Finding.REASON_DATE_MISSING,
    kpi_service_pb2.Finding.REASON_FACT_MISSING,
)
"""Reasons about a fact of the work, which may be missing."""


async def explain_absence(
    page: Page, name: CellName, work_key: str
) -> kpi_service_pb2.ExplainAbsenceResponse:
    """Return the service's explanation of why a work counts in a number or does not.

    A claim that is not verified yet is examined as declared, too: so its author learns before the
    decision what else it lacks.

    Args:
        page: the page.
        name: the number.
        work_key: key of the work, e.g. `doi:10.5555/x`.

    Raises:
        Refused: the caller may not read it, or the unit or indicator does not exist.
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
    waits = kpi_service_pb2.Finding.REASON_NOT_VERIFIED
    if not answer.counts and any(each.reason == waits for each in answer.findings):
        request.measure = kpi_service_pb2.MEASURE_DECLARED
        declared = await page.call(KPI["ExplainAbsence"], request)
        if not declared.counts:
            answer.findings.extend(each for each in declared.findings if each.reason != waits)
    return answer


def finding_word(finding: kpi_service_pb2.Finding) -> str:
    """Return the key of the text for the reason of a finding.

    For example, `REASON_NOT_VERIFIED` gives `not_verified`.
    """
    name = kpi_service_pb2.Finding.Reason.Name(finding.reason)
    return name.removeprefix("REASON_").lower()


def reasons(page: Page, answer: kpi_service_pb2.ExplainAbsenceResponse) -> Iterator[list[Value]]:
    """Yield headings and rows of the file of why a work counts or does not, as `absence.html`."""
    keys = ("reason.title", "review.fact", "work.unit", "work.wanted", "work.found")
    yield [page.text(key) for key in keys]
    units = {claim.submission_id: claim.unit_id for claim in answer.claims}
    for each in answer.findings:
        fact = page.word("fact", each.field) if each.field else ""
        unit = units.get(each.submission_id, each.submission_id)
        found = f"{found_words(page, each)}{f' ({each.by})' if each.by else ''}"
        said = page.text(f"reason.{finding_word(each)}")
        yield [said, fact, unit, wanted_words(page, each), found]


def wanted_words(page: Page, finding: kpi_service_pb2.Finding) -> str:
    """Return what a finding says that the number requires, in the language of the page.

    For example, `any_of q1, q2` gives `Q1, Q2`, and `present true` that the fact must be given.
    """
    wanted = finding.wanted
    if finding.field == "type":
        return page.word("type", wanted)
    if finding.reason == kpi_service_pb2.Finding.REASON_FACT_MISSING:
        return page.text("wanted.present_true")  # and not the name of the counting rule
    if wanted in ("present true", "present false"):
        return page.text(f"wanted.{wanted.replace(' ', '_')}")
    if found := WITHIN.fullmatch(wanted):
        return page.text("wanted.within", days=found[1], after=page.word("fact", found[2]))
    if found := MONTHS.fullmatch(wanted):
        return page.text("wanted.months", first=found[1], last=found[2])
    test, _, values = wanted.partition(" ")
    if test in OF_VALUES:
        return page.text(f"wanted.{test}", values=fact_words(page, finding.field, values))
    return page.names(wanted, finding.field)


def found_words(page: Page, finding: kpi_service_pb2.Finding) -> str:
    """Return what a finding says that the work has instead, in the language of the page."""
    if not finding.found and finding.reason in NEEDS_FACT:
        return page.text("wanted.nothing")
    return fact_words(page, finding.field, finding.found)


def fact_words(page: Page, field: str, text: str) -> str:
    """Return the text of a fact as people write it: a share in per cent, an enum value as a word.

    Args:
        page: the page, for its language.
        field: name of the fact.
        text: its value, as the KPI service writes it; several are separated by commas.
    """
    return page.names(text, field)
