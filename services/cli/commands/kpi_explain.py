"""`kieng kpi explain`: lists the works behind a value, or explains why a work counts or not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from kieng.kpi.v1 import kpi_service_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.client.stack import CONSORTIUM
from services.cli.commands.kpi import (
    EveryWork,
    From,
    MeasureOption,
    OneIndicator,
    OneUnit,
    To,
    read_measure,
    read_months,
    read_names,
)
from services.cli.errors import NO, USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.explanation_tables import explained, is_exact
from services.cli.terminal.frame import frame_text
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import (
    enum_text,
    message_json,
    value_json,
    value_text,
    view_json,
    word_text,
)
from services.cli.terminal.screen import Screen

SHOWN_MAX = 100
PAGE_SIZE = 500

WorkKey = Annotated[
    str,
    typer.Option(
        "--work", help="Explain why this work does or does not count: its key, or a DOI or its URL."
    ),
]
SubmissionId = Annotated[
    str, typer.Option("--submission", help="The same for a submission of your institution.")
]


@with_session("viewer", institution="")
def explain(
    session: Session,
    unit: OneUnit,
    indicator: OneIndicator,
    from_month: From = "",
    to_month: To = "",
    measure: MeasureOption = "verified",
    every: EveryWork = False,
    work: WorkKey = "",
    submission: SubmissionId = "",
) -> None:
    """List the works behind a number and their sum, or explain why one work counts or not.

    Example: kieng kpi explain --unit vnu --indicator KNW-01 --from 2025-01 --to 2025-07 --all
    """
    if work and submission:
        raise Failure("either --work or --submission, not both", USAGE)
    first, last = read_months(from_month, to_month)
    fields = {
        "unit_id": unit,
        "indicator_code": indicator,
        "from_month": first,
        "to_month": last,
        "measure": read_measure(measure),
    }
    # Evidence and members are shown to their own institution only.
    shared = session.acting_for(session.institution or CONSORTIUM)
    if work or submission:
        # A submission is read by its own institution, anything else by all of them.
        reader = session.acting_for(session.institution, "auditor") if submission else shared
        if work:
            work = _work_key(shared, work)
        _absence(reader, fields, work, submission)
    else:
        _works(shared, fields, every)


def _works(session: Session, fields: dict[str, Any], every: bool) -> None:
    request = kpi_service_pb2.ExplainKpiRequest(**fields, page_size=PAGE_SIZE)
    works: list[kpi_service_pb2.ExplainedWork] = []
    stub, screen = session.clients.stub(KpiServiceStub), session.screen
    while True:
        # A page lists only those works that count, so it may have few of them, or none.
        page = stub.ExplainKpi(request)
        works += page.works
        request.page_token = page.next_page_token
        if not page.next_page_token or (len(works) > SHOWN_MAX and not every):
            break
    complete = not page.next_page_token
    if not every and len(works) > SHOWN_MAX:
        complete, works = False, works[:SHOWN_MAX]
    names = Names() if screen.is_json else read_names(session)
    exact = is_exact(page.value, works) if complete else None
    result = {
        "view": view_json(page.view, datetime.now(UTC)),
        "value": value_json(page.value),
        "works": [
            {**message_json(work), "contribution": value_json(work.contribution)} for work in works
        ],
        "complete": complete,
        "adds_up": exact,
    }
    unit_of_value = names.units_of_value.get(request.indicator_code, "")

    def shown() -> RenderableType:
        table = explained(screen, page.value, works, unit_of_value, exact)
        return Group(table, frame_text(screen, page.view))

    screen.answer(result, shown)
    if exact is False:
        raise typer.Exit(NO)


def _work_key(session: Session, text: str) -> str:
    """Return the work key for what a user typed, normalised as an import normalises it."""
    request = submission_service_pb2.GetWorkKeyRequest(text=text)
    key: str = session.clients.stub(SubmissionServiceStub).GetWorkKey(request).work_key
    return key


def _absence(session: Session, fields: dict[str, Any], work: str, submission: str) -> None:
    screen = session.screen
    known = submission_pb2.Submission()
    if submission:
        stub = session.clients.stub(SubmissionServiceStub)
        request = submission_service_pb2.GetSubmissionRequest(submission_id=submission)
        known = stub.GetSubmission(request).submission
        is_verified = fields["measure"] != kpi_service_pb2.MEASURE_DECLARED
        work = (is_verified and known.verified_work_key) or known.work_key
    # The log has no event of a draft, because it was never submitted.
    is_draft = bool(submission) and not known.submitted_by
    answer = session.clients.stub(KpiServiceStub).ExplainAbsence(
        kpi_service_pb2.ExplainAbsenceRequest(
            **fields,
            work_key=work,
            submission_id=submission,
            version=0 if is_draft else known.version,
        )
    )
    state = enum_text(submission_pb2.State.Name(known.state), "STATE_") if submission else None
    result = {
        "view": view_json(answer.view, datetime.now(UTC)),
        "work_key": work,
        "submission_state": state,
        "counts": answer.counts,
        "contribution": value_json(answer.contribution),
        "findings": [finding_json(finding) for finding in answer.findings],
        "claims": [message_json(claim) for claim in answer.claims],
    }
    screen.answer(result, lambda: absence_table(screen, work, state, answer))


def finding_json(finding: kpi_service_pb2.Finding) -> dict[str, str]:
    """Return one reason why a work does not count as the JSON object that `--output json` prints.

    `reason` is the lower-case name of the reason; keys that do not apply to it are empty texts.
    """
    reason = enum_text(kpi_service_pb2.Finding.Reason.Name(finding.reason), "REASON_")
    return {
        "reason": reason,
        "part": finding.part,
        "submission_id": finding.submission_id,
        "field": finding.field,
        "wanted": finding.wanted,
        "found": finding.found,
        "by": finding.by,
    }


def absence_table(
    screen: Screen,
    work: str,
    state: str | None,
    answer: kpi_service_pb2.ExplainAbsenceResponse,
) -> RenderableType:
    """Return a sentence that says whether a work counts, and a table of the reasons.

    A ratio may count and have a reason why one of its parts does not.

    Args:
        screen: language of the texts.
        work: key of the work.
        state: state of the submission, e.g. `verified`; None if the user named no submission.
        answer: answer of the service with the reasons.
    """
    table = screen.table("why", "part", "submission_id", "field", "wanted", "found", "by")
    for finding in answer.findings:
        told = finding_json(finding)
        why = screen.text(f"reason.{told.pop('reason')}")
        told["field"] = word_text("fact", told["field"], screen.lang) if told["field"] else ""
        told["part"] = screen.text(f"part.{finding.part}") if finding.part else ""
        table.add_row(why, *told.values())
    share = value_text(answer.contribution, "", screen.lang)
    key = "absence.counts" if answer.counts else "absence.not"
    lines = [screen.text(key, work=work, value=share)]
    if state:
        lines.append(screen.text("absence.state", state=screen.text(f"state.{state}")))
    return Group(*lines, table, frame_text(screen, answer.view))
