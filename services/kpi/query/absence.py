"""Answers ExplainAbsence: why a work does or does not count in a cell, from its stored events."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kieng.kpi.v1 import kpi_service_pb2
from services.kpi.domain.absence import AskedCell, Finding, Reason, explain_absence
from services.kpi.domain.catalogue import ANY
from services.kpi.domain.contribution import Facts, begin_of, dated_by
from services.kpi.domain.disagreement import claims_of
from services.kpi.domain.months import month_range
from services.kpi.domain.work import Claim, Work
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.query.explanation import Seen, claims_in, facts_of, ids_of, restored_of
from services.kpi.query.live_view import LiveView
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.reads import Snapshots
from services.kpi.wire.contradictions import PERSONAL_FACTS
from services.kpi.wire.values import encode_value


def absence(
    request: kpi_service_pb2.ExplainAbsenceRequest,
    live: LiveView,
    snapshots: Snapshots,
    parked: ParkedRecords,
    institution_id: str,
) -> kpi_service_pb2.ExplainAbsenceResponse:
    """Return the response that explains why a work does or does not count in a cell.

    A work or submission that the view does not know is no error: the response says so.

    Args:
        request: the work and the cell.
        live: the live view.
        snapshots: reads the stored works of the view.
        parked: reads its parked records.
        institution_id: institution of the caller, who sees the reasons of that institution's
            parked records only.

    Raises:
        InvalidArgument: the unit or indicator is unknown, or the range is invalid.
    """
    with live.read() as state:
        seen, catalogue = Seen(state), state.catalogue
    check_unit(request.unit_id, catalogue, "unit_id")
    cell = AskedCell(
        catalogue,
        catalogue.tree.number[request.unit_id],
        find_indicator(request.indicator_code, catalogue, "indicator_code"),
        answers.decode_measure(request.measure),
        month_range(request.from_month, request.to_month),
    )
    view_id = seen.view.view_id
    progress, stored = snapshots.find_work(view_id, request.work_key)
    work, said = restored_of(stored, catalogue) if stored else (Work(), [])
    ids = ids_of(said)
    asked = next((name for name, each in ids.items() if each == request.submission_id), "")
    asked = asked or request.submission_id
    answer = explain_absence(work, cell, asked, request.version)
    findings = [encode_finding(finding, ids) for finding in answer.findings]
    for record in parked.of_work(view_id, request.work_key):
        is_own = record.institution_id == institution_id
        findings.append(
            encode_finding(
                Finding(
                    Reason.PARKED,
                    submission_id=record.submission_id,
                    wanted=str(record.version),
                    found=record.reason if is_own else "",
                )
            )
        )
    claims = claims_of(work, cell.measure)
    facts = facts_of(said, claims[0].name if claims else "", cell.measure)
    date_field, begin = _dated(claims, cell)
    return kpi_service_pb2.ExplainAbsenceResponse(
        title=getattr(facts, "title", "") or getattr(facts, "name", ""),
        date_field=date_field,
        counts_from=begin,
        view=seen.info(progress),
        counts=answer.counts,
        contribution=encode_value(answer.share),
        findings=findings,
        claims=claims_in(said, cell.measure),
    )


def _dated(claims: list[Claim], cell: AskedCell) -> tuple[str, str]:
    """Return the fact that dates a work for the indicator, and the date; empty for none."""
    base = cell.catalogue.indicators.get(cell.indicator.attainment_of, cell.indicator)
    component = base.value
    if not claims or component is None or component.type not in (ANY, claims[0].type):
        return "", ""
    component = component.of_type(claims[0].type)
    facts = Facts(claims[:1], cell.catalogue.tree)
    return dated_by(component, facts), begin_of(component, facts)


def encode_finding(
    finding: Finding, ids: Mapping[str, str] = MappingProxyType({})
) -> kpi_service_pb2.Finding:
    """Return one reason why a work does or does not count as a protobuf message.

    What was found in a fact that identifies a person is left empty.

    Args:
        finding: the reason.
        ids: full name of a submission -> its id; a name that is not listed is shown as it is.
    """
    reason = f"REASON_{finding.reason.value.upper()}"
    return kpi_service_pb2.Finding(
        reason=kpi_service_pb2.Finding.Reason.Value(reason),
        part=finding.part,
        submission_id=ids.get(finding.submission_id, finding.submission_id),
        field=finding.field,
        wanted=finding.wanted,
        found="" if finding.field in PERSONAL_FACTS else finding.found,
        by=ids.get(finding.by, finding.by),
    )
