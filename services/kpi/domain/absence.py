"""Rules of ExplainAbsence: why a work does or does not count in a cell.

Each reason names the condition that was tested and the fact that was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from services.kpi.domain.catalogue import ANY, NEVER, Catalogue, Component, Indicator, Rule
from services.kpi.domain.conditions import Condition
from services.kpi.domain.contribution import Facts, amount_of, begin_of, dated_by, parts_of
from services.kpi.domain.cube import Range, Value
from services.kpi.domain.disagreement import fact_text
from services.kpi.domain.explanation import adds_something, share_of
from services.kpi.domain.months import month_of_date, month_text
from services.kpi.domain.work import Claim, Work

VALUE, DENOMINATOR = "value", "denominator"


class Reason(Enum):
    """Kinds of findings: why a work does not count in a cell, and `COUNTS` if it does.

    `NETTED`, for example, means that a payment cancels out, because payer and payee are both within
    the unit; `OUTVOTED` that another claim on the work has precedence.
    """

    COUNTS = "counts"
    UNKNOWN = "unknown"
    OLDER_VERSION = "older_version"
    PARKED = "parked"
    RETRACTED = "retracted"
    NOT_VERIFIED = "not_verified"
    WRONG_TYPE = "wrong_type"
    OUTVOTED = "outvoted"
    CONDITION = "condition"
    DATE_MISSING = "date_missing"
    OUTSIDE_RANGE = "outside_range"
    UNIT_NOT_BELOW = "unit_not_below"
    NOT_LEAD = "not_lead"
    FACT_MISSING = "fact_missing"
    NETTED = "netted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a work does or does not count in a cell.

    Args:
        reason: kind of reason.
        part: part of the indicator, `value` or `denominator`; empty if it concerns the whole work.
        submission_id: full name of the submission concerned; empty if it concerns the whole work.
        field: name of the fact that was tested; empty if no fact was.
        wanted: what the cell requires, as text.
        found: what the work has instead, as text; empty if it has nothing.
        by: where claims disagree, the full name of the submission whose claim decides.
    """

    reason: Reason
    part: str = ""
    submission_id: str = ""
    field: str = ""
    wanted: str = ""
    found: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to ExplainAbsence: whether a work counts in a cell, and why.

    Args:
        counts: whether the work counts in the cell.
        share: what the work adds to the cell; zero if it does not count.
        findings: all reasons that were found; if the work counts, the first is `Reason.COUNTS`, and
            others may follow, e.g. of claims that do not.
    """

    counts: bool
    share: Value
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AskedCell:
    """The cell that an ExplainAbsence request is about.

    Args:
        catalogue: the catalogue whose rules decide.
        unit: number of the unit in the catalogue's tree.
        indicator: the indicator; an attainment is examined as the indicator that it divides by its
            target.
        measure: 0 declared, 1 verified.
        months: first and last month, both included.
    """

    catalogue: Catalogue
    unit: int
    indicator: Indicator
    measure: int
    months: Range


def explain_absence(
    work: Work, cell: AskedCell, submission_id: str = "", version: int = 0
) -> Answer:
    """Return whether a work counts in a cell, with all reasons found.

    An unknown work or submission is no error, but a finding.

    Args:
        work: the work with all its statements; `Work()` if the log has none.
        cell: the cell to explain.
        submission_id: full name of the submission to examine; empty to examine every claim.
        version: version of that submission which the caller expects to have been folded; 0 for any.
            An older folded version is reported as a reason.
    """
    indicator = cell.catalogue.indicators.get(cell.indicator.attainment_of, cell.indicator)
    cell = replace(cell, indicator=indicator)
    place = (cell.unit, indicator, cell.measure, *cell.months)
    share, _ = share_of(work.contributed, cell.catalogue, *place)
    findings = list(_findings(work, cell, submission_id, version))
    if adds_something(share):
        findings.insert(0, Finding(Reason.COUNTS))
    return Answer(adds_something(share), share, findings)


def _findings(work: Work, cell: AskedCell, submission_id: str, version: int) -> Iterator[Finding]:
    statements = work.statements
    if not statements:
        yield Finding(Reason.UNKNOWN, submission_id=submission_id)
        return
    known = work.version_of(submission_id) if submission_id else 0
    if submission_id and not known:
        yield Finding(Reason.UNKNOWN, submission_id=submission_id)
    elif known < version:
        yield Finding(
            Reason.OLDER_VERSION,
            submission_id=submission_id,
            wanted=str(version),
            found=str(known),
        )
    claims = []
    for each, statement in sorted(statements.items()):
        claim = statement.verified if cell.measure else statement.declared
        if claim is not None:
            claims.append(claim)
        elif submission_id in ("", each):
            is_waiting = cell.measure and statement.declared is not None
            yield Finding(
                Reason.NOT_VERIFIED if is_waiting else Reason.RETRACTED, submission_id=each
            )
    if claims:
        yield from _of_claims(claims, cell, submission_id)


def _of_claims(claims: list[Claim], cell: AskedCell, submission_id: str) -> Iterator[Finding]:
    claims = sorted(claims, key=lambda claim: claim.precedence)
    strongest = claims[0]
    for claim in claims:
        if claim.type != strongest.type and submission_id in ("", claim.name):
            yield Finding(
                Reason.OUTVOTED,
                submission_id=claim.name,
                field="type",
                wanted=strongest.type,
                found=claim.type,
                by=strongest.name,
            )
    claims = [claim for claim in claims if claim.type == strongest.type]
    for part, component in (
        (VALUE, cell.indicator.value),
        (DENOMINATOR, cell.indicator.denominator),
    ):
        if component is None:
            continue
        if component.type not in (ANY, strongest.type):
            yield Finding(
                Reason.WRONG_TYPE,
                part,
                field="type",
                wanted=component.type,
                found=strongest.type,
                by=strongest.name,
            )
            continue
        component = component.of_type(strongest.type)
        alone = component.rule is Rule.CLAIMS
        for said in [[claim] for claim in claims] if alone else [claims]:
            about = said[0].name if alone else ""
            if about and submission_id not in ("", about):
                continue
            for finding in _of_component(component, said, cell):
                yield replace(finding, part=part, submission_id=finding.submission_id or about)


def _of_component(component: Component, claims: list[Claim], cell: AskedCell) -> Iterator[Finding]:
    facts = Facts(claims, cell.catalogue.tree)
    for test in component.where:
        if not test.holds(facts.get):
            yield _of_condition(test, facts)
    yield from _of_dates(component, facts, cell.months)
    missing = [
        name
        for name in (component.amount, component.times, component.member)
        if name and facts.get(name) is None
    ]
    for name in missing:
        yield Finding(Reason.FACT_MISSING, field=name, wanted=component.rule.value)
    if not missing:
        yield from _of_units(component, facts, cell)


def _of_condition(test: Condition, facts: Facts) -> Finding:
    found = facts.get(test.field)
    finding = Finding(
        Reason.CONDITION, field=test.field, wanted=wanted_text(test), found=fact_text(found)
    )
    for claim in facts.claims:
        own = Facts([claim], facts.tree)
        if test.holds(own.get):
            by = facts.claims[0].name
            return replace(finding, reason=Reason.OUTVOTED, submission_id=claim.name, by=by)
    return finding


def wanted_text(test: Condition) -> str:
    """Return what a condition requires, in the words of the catalogue file.

    For example `at_least 2`, `any_of q1, q2`, `present true` or `within 30 days after granted_on`.
    """
    if test.values:
        return f"{test.test} {', '.join(sorted(test.values))}"
    if test.test == "present":
        return f"present {'true' if test.bound else 'false'}"
    if test.test == "within":
        return f"within {test.bound} days after {test.after}"
    return f"{test.test} {test.bound}"


def _of_dates(component: Component, facts: Facts, months: Range) -> Iterator[Finding]:
    begin = begin_of(component, facts)
    if not begin:
        for name in (component.date, component.not_before):
            if name and not facts.date(name):
                yield Finding(Reason.DATE_MISSING, field=name)
        return
    first, last = months
    wanted = f"{month_text(first)} to {month_text(last)}"
    month = month_of_date(begin)
    if month > last or (month < first and not component.is_stock):
        field = dated_by(component, facts)
        yield Finding(Reason.OUTSIDE_RANGE, field=field, wanted=wanted, found=begin)
    elif component.is_stock and component.until != NEVER:
        end = facts.date(component.until)
        if end and max(month, month_of_date(end)) <= last:
            yield Finding(Reason.OUTSIDE_RANGE, field=component.until, wanted=wanted, found=end)


def _of_units(component: Component, facts: Facts, cell: AskedCell) -> Iterator[Finding]:
    tree, unit = cell.catalogue.tree, cell.unit
    held = [claim for claim in facts.claims if tree.holds(unit, claim.unit)]
    if not held:
        units = sorted({tree.ids[claim.unit] for claim in facts.claims})
        wanted = tree.ids[unit]
        yield Finding(Reason.UNIT_NOT_BELOW, wanted=wanted, found=", ".join(units))
        return
    if component.rule is Rule.LEAD:
        leads = [claim for claim in facts.claims if claim.is_lead][:1]
        if not leads or not tree.holds(unit, leads[0].unit):
            yield Finding(
                Reason.NOT_LEAD,
                wanted=tree.ids[unit],
                found=tree.ids[leads[0].unit] if leads else "",
                by=leads[0].name if leads else "",
            )
            return
    parts = [value for where, _, value in parts_of(component, facts) if tree.holds(unit, where)]
    if component.amount and not sum(parts):
        yield _of_nothing(component, facts, held[0])


def _of_nothing(component: Component, facts: Facts, claim: Claim) -> Finding:
    """Return why an amount adds nothing at a unit of which this is a claim."""
    payer = str(facts.get("payer_unit_id") or "")
    nothing = Finding(Reason.CONDITION, field=component.amount, wanted="at_least 1", found="0")
    if not amount_of(component, facts):
        return nothing
    if component.rule is Rule.MONEY_RECEIVED and payer in facts.tree.number:
        return Finding(Reason.NETTED, field="payer_unit_id", found=payer)
    # So few that whole ones, divided among the claims, leave none for this one.
    return replace(nothing, field="share_ppm", submission_id=claim.name)
