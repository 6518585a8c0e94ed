"""Renders what a reviewer needs for a decision: the queue, and other claims on a work."""

from __future__ import annotations

from collections.abc import Sequence

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_pb2
from services.cli.terminal.render import number_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.submission_tables import title_of
from services.cli.terminal.tables import WholeTable

AMOUNTS = ("amount_vnd", "value_vnd", "budget_vnd", "fee_vnd")


def subject_text(screen: Screen, content: submission_pb2.Content) -> str:
    """Return the title of what is claimed and its amount of money, e.g. `Sensor · 500.000 ₫`.

    The amount is left out if there is none, and the title if the facts have none.
    """
    kind = content.facts.WhichOneof("kind")
    facts = getattr(content.facts, kind) if kind else None
    amount = next((text for name in AMOUNTS if (text := getattr(facts, name, ""))), "")
    money = f"{number_text(int(amount), screen.lang)} ₫" if amount.isdigit() else ""
    return " · ".join(filter(None, (title_of(content), money)))


def queue_table(screen: Screen, rows: Sequence[Sequence[str]], title: str) -> WholeTable:
    """Return the submissions that wait for a decision as a table, in the given order.

    Args:
        screen: language of the headings.
        rows: for each submission its id, mark, title, type, unit, author, days of waiting, due date
            and effect, as texts.
        title: title of the table.
    """
    headings = ("submission_id", "mark", "title", "type", "unit_id", "submitted_by")
    table = screen.table(*headings, ">waiting_days", "due", "effect", title=title)
    for row in rows:
        table.add_row(*row)
    return table


def claims_table(screen: Screen, claims: Sequence[kpi_service_pb2.ExplainedClaim]) -> WholeTable:
    """Return a table of other claims on a work, each with its unit and whether it is verified."""
    table = screen.table(
        "institution", "unit", "measure", "submission_id", title=screen.text("review.other_claims")
    )
    for claim in claims:
        measure = screen.text(f"measure.{'verified' if claim.verified else 'declared'}")
        table.add_row(claim.institution_id, claim.unit_id, measure, claim.submission_id)
    return table
