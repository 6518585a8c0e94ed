"""`kieng import`: imports submissions from a table of another system."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.commands import import_plan
from services.cli.commands.import_plan import Asked
from services.cli.commands.import_report import write_report
from services.cli.commands.import_run import Policy, Run
from services.cli.errors import NO, USAGE, Failure
from services.cli.files.destination import need_places
from services.cli.session import Session, with_session
from services.cli.terminal.escaping import visible
from services.importing import refused_rows
from services.importing.headings import REFUSED_BECAUSE
from services.texts import Lang

SYSTEM = "file"
MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
HiddenRows = StrEnum("HiddenRows", ["include", "skip"])
"""What happens to rows that are hidden in a spreadsheet, e.g. by a filter."""


@with_session("contributor", "registry", "system", institution="", subject=True)
def import_file(
    session: Session,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A .csv, .xlsx, .ris, .bib or .json file."),
    ] = None,
    type_name: Annotated[
        str,
        typer.Option(
            "--type", help="Submission type (default: the file's name, e.g. receipt.csv)."
        ),
    ] = "",
    system: Annotated[str, typer.Option(help="Source system of the records, e.g. cris.")] = SYSTEM,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check every row and show what would change; write nothing."
        ),
    ] = False,
    no_effect: Annotated[
        bool, typer.Option("--no-effect", help="With --dry-run: leave out what numbers become.")
    ] = False,
    by_month: Annotated[
        bool, typer.Option("--by-month", help="With --dry-run: numbers of months, not of years.")
    ] = False,
    plan_to: Annotated[
        Path | None, typer.Option("--plan", help="With --dry-run: write a plan to this file.")
    ] = None,
    commit: Annotated[
        Path | None,
        typer.Option("--commit", help="Import exactly this plan, or say what has changed since."),
    ] = None,
    policy: Annotated[
        Policy,
        typer.Option(help="If rows are refused: import the good ones, or write nothing at all."),
    ] = Policy.good_rows,
    sheet: Annotated[
        str, typer.Option(help="Sheet of an .xlsx file (default: the only one with a table).")
    ] = "",
    hidden_rows: Annotated[
        HiddenRows, typer.Option(help="What becomes of rows that a filter hides.")
    ] = HiddenRows.include,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Where an export is from: scopus, wos, ris, bibtex, crossref, datacite; "
            "or table (default: told by the file).",
        ),
    ] = "",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Fields of another source, as TOML.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit that claims the rows of an export.")] = "",
    month_day: Annotated[
        str,
        typer.Option(help="MM-DD that completes dates of an export which are only a year."),
    ] = "",
    report_to: Annotated[
        Path | None, typer.Option("--report", help="Write what is wrong to this CSV file.")
    ] = None,
    refused_to: Annotated[
        Path | None,
        typer.Option(
            "--refused", help="Write the refused rows to this .csv or .xlsx file, to be mended."
        ),
    ] = None,
) -> None:
    """Import submissions from a table; the same file again changes nothing.

    When the service goes away, it waits 90 seconds for it and goes on with the row it was at.

    Example: kieng import publication.csv --institution vnu --system cris
    kieng import scopus.csv --institution vnu --unit vnu/hus --month-day 12-31 --dry-run
    kieng import publication.csv --institution vnu --dry-run --plan publication.plan
    kieng import --institution vnu --commit publication.plan
    """
    if month_day and not MONTH_DAY.fullmatch(month_day):
        raise Failure(f"--month-day {month_day}: write a month and a day, e.g. 12-31", USAGE)
    if path is None and commit is None:
        raise Failure("which file? Give FILE, or a plan with --commit", USAGE)
    if (plan_to or no_effect or by_month) and not dry_run:
        raise Failure("--plan, --no-effect and --by-month go with --dry-run", USAGE)
    if commit is not None and dry_run:
        raise Failure("--commit does a plan; --dry-run makes one. Give one of them", USAGE)
    need_places(plan_to, report_to, refused_to, read=(path, commit, mapping))
    asked = Asked(
        file=str(path.resolve()) if path else "",
        type_name=type_name,
        system=system,
        sheet=sheet,
        hidden_rows=hidden_rows.value,
        source=source,
        mapping=str(mapping.resolve()) if mapping else "",
        unit=unit,
        month_day=month_day,
        policy=policy.value,
        by_month=by_month,
    )
    plan = import_plan.read(commit) if commit else None
    if plan is not None:
        asked = import_plan.asked_again(plan, asked, Asked("", system=SYSTEM), session.institution)
    if refused_to is not None:
        refused_rows.check(refused_to, Path(asked.file))
    run = Run(session, asked)
    if plan is not None:
        run.commit(plan)
    elif dry_run:
        made = run.dry(not no_effect)
        if plan_to is not None:
            made.write(plan_to)
    else:
        run.write()
    _finish(run, report_to, refused_to)


def _finish(run: Run, report_to: Path | None, refused_to: Path | None) -> None:
    """Write the files of refused rows, print the outcome of all rows, and exit with its code."""
    screen, report = run.session.screen, run.report
    report.refused.sort(key=lambda refused: refused.row)
    if report_to is not None:
        write_report(report_to, report)
    if refused_to is not None:
        reasons = refused_rows.by_row(
            (each.row, visible(report.reason(each))) for each in report.refused
        )
        heading = REFUSED_BECAUSE[screen.lang is Lang.vi]
        refused_rows.write(refused_to, run.parsed, reasons, heading)
    screen.answer(run.document(), run.show)
    if report.refused or run.changed:
        raise typer.Exit(NO)
