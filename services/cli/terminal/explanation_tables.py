"""Renders the works behind a value, and works that several units claim, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.cli.terminal.frame import HASH_CHARACTERS
from services.cli.terminal.kpi_tables import contradicted_text
from services.cli.terminal.render import NOTHING, day_text, number_text, value_text, word_text
from services.cli.terminal.screen import Screen


def total(works: Sequence[kpi_service_pb2.ExplainedWork]) -> tuple[int, int, set[int]]:
    """Return sum of numerators, sum of denominators and set of denominators of contributions.

    A contribution is what one work adds to a value. A whole one counts as numerator; its
    denominator is 0.
    """
    numerator = denominator = 0
    denominators = set()
    for work in works:
        contribution = work.contribution
        numerator += contribution.whole + contribution.ratio.numerator
        denominator += contribution.ratio.denominator
        denominators.add(contribution.ratio.denominator)
    return numerator, denominator, denominators


def is_exact(value: view_pb2.Value, works: Sequence[kpi_service_pb2.ExplainedWork]) -> bool:
    """Return True if the contributions of all works add up to the value that they explain.

    For a distinct count, e.g. of partners, the number of different members among the works must
    equal the value. For a ratio, both parts must add up, unless all works have the denominator of
    the value.
    """
    if any(work.member_number or work.member for work in works):
        return value.whole == len({work.member_number or work.member for work in works})
    numerator, denominator, denominators = total(works)
    if value.HasField("whole"):
        return numerator == value.whole
    if numerator != value.ratio.numerator:
        return False
    # The denominator of an attainment is a target, which no work adds to.
    return denominators <= {0, value.ratio.denominator} or denominator == value.ratio.denominator


def explained(
    screen: Screen,
    value: view_pb2.Value,
    works: Sequence[kpi_service_pb2.ExplainedWork],
    unit_of_value: str,
    exact: bool | None,
) -> RenderableType:
    """Return a table of the works behind a value, and a line on whether they add up to it.

    A row has the work, what it adds to the value (its contribution), the claims of units on it, and
    the proofs. Works whose claims contradict each other are counted in a further line.

    Args:
        screen: language of the texts.
        value: value that the works explain.
        works: works in the order of their keys.
        unit_of_value: unit of measure of the indicator, e.g. `vnd`.
        exact: whether the works add up to the value; None if not all works are given.
    """
    table = screen.table("work_key", "title", ">contribution", "claims", "evidence")
    for work in works:
        claims = "\n".join(_claim_text(screen, claim) for claim in work.claims)
        for each in work.disagreements:
            nothing = screen.text("explain.nothing")
            group = "type" if each.field == "type" else "value"
            said, counts = (
                ", ".join(word_text(group, part, screen.lang) for part in text.split(", "))
                for text in (each.said or nothing, each.counts or nothing)
            )
            claims += "\n" + screen.text(
                "explain.disagrees",
                unit=each.unit_id,
                field=word_text("fact", each.field, screen.lang),
                said=said,
                counts=counts,
            )
        hashes = [sha[:HASH_CHARACTERS] for claim in work.claims for sha in claim.evidence_sha256]
        number = f"#{work.member_number}" if work.member_number else ""
        contribution = work.member or number or _contribution_text(screen, work.contribution)
        table.add_row(work.work_key, work.title, contribution, claims, "\n".join(hashes))
    shown = value_text(value, unit_of_value, screen.lang)
    key = {True: "explain.exact", False: "explain.wrong", None: "explain.more"}[exact]
    lines = [screen.text(key, works=len(works), value=shown)]
    if marked := sum(bool(work.disagreements) for work in works):
        lines.append(contradicted_text(screen, marked))
    return Group(table, *lines)


def _claim_text(screen: Screen, claim: kpi_service_pb2.ExplainedClaim) -> str:
    """Return the unit and submission of a claim, and the institution and day of its verification.

    Only an approver of the claim's institution may verify, so the role need not be sent.
    """
    told = f"{claim.unit_id} {claim.submission_id} v{claim.version}"
    if not claim.verified:
        return f"{told}\n  {screen.text('explain.unverified')}"
    day = day_text(claim.verified_at, screen.lang) or NOTHING
    verified = screen.text("explain.verified", institution=claim.institution_id, day=day)
    return f"{told}\n  {verified}"


def _contribution_text(screen: Screen, value: view_pb2.Value) -> str:
    if value.HasField("ratio"):
        return f"{value.ratio.numerator}/{value.ratio.denominator}"
    return value_text(value, "", screen.lang)


def overlap_table(
    screen: Screen, answer: kpi_service_pb2.ListOverlapsResponse, limit: int | None
) -> RenderableType:
    """Return a table of works that several units claim, and a line that compares the sums.

    The line says whether the sum over the units exceeds the number in which each work counts once
    by exactly the repeated claims. At most ``limit`` works are listed; None lists all.
    """
    table = screen.table("work_key", "units")
    for overlap in answer.overlaps[:limit]:
        table.add_row(overlap.work_key, ", ".join(overlap.unit_ids))
    twice = sum(len(overlap.unit_ids) - 1 for overlap in answer.overlaps)
    check = screen.text(
        "overlap.check" if answer.sum_of_children - answer.whole == twice else "overlap.differs",
        sum=number_text(answer.sum_of_children, screen.lang),
        whole=number_text(answer.whole, screen.lang),
        twice=number_text(twice, screen.lang),
        works=number_text(len(answer.overlaps), screen.lang),
    )
    return Group(table, check)
