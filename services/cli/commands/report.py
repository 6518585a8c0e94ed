"""`kieng report`: one page on a unit: targets, children, movers, and the source of the numbers."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kieng.kpi.v1 import kpi_service_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.stack import CONSORTIUM
from services.cli.commands.kpi import From, OnDay, OneUnit, To, read_months, read_names
from services.cli.commands.kpi_history import AsOf, check_day
from services.cli.commands.kpi_targets import Exact
from services.cli.errors import USAGE, Failure
from services.cli.files.destination import need_place
from services.cli.session import Session, with_session
from services.cli.terminal.render import cell_json, ratio_json, value_json, view_json
from services.cli.terminal.report_page import ReportLayout, report_tables
from services.cli.terminal.screen import Output
from services.documents.page import Page


@with_session("viewer", documents=("html", "pdf"))
def report(
    session: Session,
    to_month: To = "",
    unit: OneUnit = CONSORTIUM,
    from_month: From = "",
    on: OnDay = "",
    as_of: AsOf = "",
    exact: Exact = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Where to write the report (default: stdout).")
    ] = None,
) -> None:
    """Report on a unit: its targets, its children ranked, and what moved most.

    Example: kieng report --unit vnu --to 2025-07 --output pdf --file vnu.pdf
    """
    if file is not None:
        need_place(file)
    first, last = read_months(from_month, to_month)
    check_day("--on", on)
    check_day("--as-of", as_of)
    screen = session.screen
    request = kpi_service_pb2.GetReportRequest(
        unit_id=unit, from_month=first, to_month=last, on_date=on, as_of=as_of
    )
    answer = session.stub(KpiServiceStub).GetReport(request)
    is_kept = bool(session.document) or file is not None or screen.output is Output.xlsx
    page = ReportLayout(screen, read_names(session), answer, exact, is_kept).page()
    if session.document:
        _write(_content(session.document, page, screen.lang.value), file)
    else:
        with screen.into(file) if file else nullcontext():
            screen.answer(report_json(answer), lambda: report_tables(screen, page))
    if file is not None:
        screen.say("report.written", file=file)


def _content(document: str, page: Page, lang: str) -> bytes:
    # Each needs a library that no other command needs.
    if document == "html":
        from services.documents.html import html_bytes

        return html_bytes(page, lang)
    from services.documents.pdf import pdf_bytes

    return pdf_bytes(page, lang)


def _write(content: bytes, file: Path | None) -> None:
    if file is not None:
        file.write_bytes(content)
        return
    if sys.stdout.isatty():
        raise Failure("name a file by --file, or redirect the output", USAGE)
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def report_json(answer: kpi_service_pb2.GetReportResponse) -> dict[str, Any]:
    """Return a report as the JSON object that `--output json` prints; see docs/reading.md.

    Its keys are `view`, `unit`, `from`, `to`, `targets`, `children`, `movers` and `movers_before`,
    and `as_of` for the numbers of a past day.
    """
    found = {
        "view": view_json(answer.view, datetime.now(UTC)),
        "unit": answer.unit_id,
        "from": answer.from_month,
        "to": answer.to_month,
        "targets": [cell_json(cell) for cell in answer.targets],
        "children": [_child_json(child) for child in answer.children],
        "movers": [
            {
                "indicator": mover.indicator_code,
                "before": value_json(mover.before),
                "now": value_json(mover.now),
            }
            for mover in answer.movers
        ],
        "movers_before": {"from": answer.before_from_month, "to": answer.before_to_month},
    }
    if answer.HasField("kept_day"):
        found["as_of"] = {"day": answer.kept_day.day, "source": "kept"}
    return found


def _child_json(child: kpi_service_pb2.RankedChild) -> dict[str, Any]:
    return {
        "unit": child.unit_id,
        "reached": child.reached,
        "on_pace": child.on_pace,
        "behind": child.behind,
        "attainment": ratio_json(child.attainment) if child.HasField("attainment") else None,
        "share": ratio_json(child.share) if child.HasField("share") else None,
        "values": {
            value.indicator_code: {
                "verified": value_json(value.verified),
                "target": value.target if value.HasField("target") else None,
            }
            for value in child.values
        },
    }
