"""The figures that the demo data must come to, computed from its files and from nothing else.

This module and demo_works.py share no line with the services or with the generator. Whatever the
platform shows for the same months must be equal. Run it to see the figures:

    python -m tests.e2e.expected [FIRST_MONTH LAST_MONTH]

The data keep conflicting claims of a work on different sources, so that the tie-break by submission
id, which nobody knows before the import, is never asked. KNW-04 is in parts of 720720; the data are
such that every share is a whole number of parts at every unit, so no remainder is given to anybody,
and `shares` refuses data that are not. So KNW-04 too may be compared exactly, at every unit.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from tests.e2e import demo_works
from tests.e2e.demo_works import DEMO, INSTITUTIONS, Row, Work, partner, read, upwards

MEASURES = ("declared", "verified")
PARTS = 720_720
FAR = "9999-12"

Value = int | tuple[int, int]
Works = Mapping[str, Work]
"""Work key -> work, as a measure sees them."""


def number(value: Value) -> int:
    """The value of an indicator that is no fraction."""
    assert isinstance(value, int)
    return value


def is_indexed(work: Work) -> bool:
    return bool(work.best["indexes"])


# Indicator -> submission type, date field, condition.
WHOLE: dict[str, tuple[str, str, Callable[[Work], bool]]] = {
    "ENT-01": ("enterprise", "founded_on", lambda work: True),
    "ENT-02": ("enterprise", "founded_on", lambda work: work.best["kind"] == "spin_off"),
    "STA-01": ("policy_contract", "signed_on", lambda work: work.best["level"] == "national"),
    "STA-02": ("policy_contract", "signed_on", lambda work: work.best["level"] == "local"),
    "KNW-01": (
        "ip_right",
        "granted_on",
        lambda work: work.best["kind"] in ("patent", "utility_solution"),
    ),
    "KNW-03": ("publication", "issued_on", is_indexed),
    "TRI-02": (
        "publication",
        "issued_on",
        lambda work: is_indexed(work) and len(work.institutions) >= 2,
    ),
}
LEAD: dict[str, tuple[str, str, Callable[[Work], bool]]] = {
    "ENT-12": ("training", "started_on", lambda work: True),
    "KNW-06": ("institute", "founded_on", lambda work: True),
    "TRI-01": ("joint_project", "started_on", lambda work: len(work.institutions) >= 2),
}
# Indicator -> submission type, date field, amount field, condition.
MONEY: dict[str, tuple[str, str, str, Callable[[Work], bool]]] = {
    "COM-03": (
        "receipt",
        "received_on",
        "amount_vnd",
        lambda work: work.best["contract_ref"] != "",
    ),
    "ENT-08": (
        "rd_funding",
        "received_on",
        "amount_vnd",
        lambda work: work.best["funding_source"] != "state_budget",
    ),
    "ENT-10": ("facility", "opened_on", "value_vnd", lambda work: True),
}
# Indicator -> submission type, field of the first date, field of the last, member, condition.
SETS: dict[str, tuple[str, str, str, Callable[[Row], str], Callable[[Work], bool]]] = {
    "COM-01": ("receipt", "received_on", "", lambda row: row["product_ref"], lambda work: True),
    "PPL-01": ("expert", "started_on", "", lambda row: row["person_id"], lambda work: True),
    "ENT-05": (
        "agreement",
        "signed_on",
        "expires_on",
        partner,
        lambda work: work.best["kind"] == "strategic",
    ),
}
# Indicator -> field of the first date, condition; products leave in the month of ended_on.
STOCK: dict[str, tuple[str, Callable[[Work], bool]]] = {
    "COM-06": ("identified_on", lambda work: True),
    "COM-08": ("on_market_on", lambda work: work.best["stage"] == "on_market"),
}
INDICATORS = sorted({*WHOLE, *LEAD, *MONEY, *SETS, *STOCK, "KNW-04", "KNW-05", "KNW-08"})


def selected(
    works: Works, type_: str, date: str, first: str, last: str, condition: Callable[[Work], bool]
) -> Iterator[Work]:
    """The works of a type whose month is from first to last and that meet a condition."""
    for work in works.values():
        if work.type == type_ and first <= (work.month(date) or FAR) <= last and condition(work):
            yield work


def tally(units_of_each: Iterable[set[str]]) -> dict[str, int]:
    """Unit -> number of works."""
    counts: dict[str, int] = defaultdict(int)
    for units in units_of_each:
        for unit in units:
            counts[unit] += 1
    return counts


def money(works: Works, code: str, first: str, last: str) -> dict[str, int]:
    """Unit -> dong; what one unit of a subtree pays to another is no income of the subtree."""
    type_, date, amount, condition = MONEY[code]
    sums: dict[str, int] = defaultdict(int)
    for work in selected(works, type_, date, first, last, condition):
        payer = work.best.get("payer_unit_id", "")
        for unit in work.units - (set(upwards(payer)) if payer else set()):
            sums[unit] += int(work.best[amount])
    return sums


def in_stock(work: Work, until: str, last: str) -> bool:
    return not until or (work.month(until) or FAR) > last


def distinct(works: Works, code: str, first: str, last: str) -> dict[str, int]:
    """Unit -> number of distinct members."""
    type_, date, until, member, condition = SETS[code]
    members: dict[str, set[str]] = defaultdict(set)
    for work in selected(works, type_, date, "" if until else first, last, condition):
        if in_stock(work, until, last) and member(work.best):
            for unit in work.units:
                members[unit].add(member(work.best))
    return {unit: len(found) for unit, found in members.items()}


def shares(work: Work) -> dict[str, int]:
    """Unit -> its parts of a work: by declared shares, else by institution and then by authors."""
    rows = [row for _, row in work.claims]
    declared = [int(row["share_ppm"] or 0) for row in rows]
    authors = [int(row["unit_authors"] or 1) for row in rows]
    parts: dict[str, int] = defaultdict(int)
    for index, (institution, row) in enumerate(work.claims):
        if all(declared):
            share = Fraction(declared[index], sum(declared))
        else:
            own = sum(
                a for a, (who, _) in zip(authors, work.claims, strict=True) if who == institution
            )
            share = Fraction(authors[index], own * len(work.claiming))
        if (share * PARTS).denominator != 1:
            raise ValueError(f"{row['record_id']}: the share {share} is no whole number of parts")
        for unit in upwards(row["unit_id"]):
            parts[unit] += int(share * PARTS)
    return parts


def fractions(works: Works, first: str, last: str) -> dict[str, Value]:
    sums: dict[str, int] = defaultdict(int)
    for work in selected(works, *WHOLE["KNW-03"][:2], first, last, is_indexed):
        for unit, parts in shares(work).items():
            sums[unit] += parts
    return {unit: (parts, PARTS) for unit, parts in sums.items()}


def quartiles(works: Works, first: str, last: str) -> dict[str, Value]:
    """Unit -> articles in Q1 or Q2, all indexed articles."""
    articles = list(selected(works, *WHOLE["KNW-03"][:2], first, last, is_indexed))
    top = tally(work.units for work in articles if work.best["quartile"] in ("q1", "q2"))
    return {unit: (top[unit], count) for unit, count in tally(w.units for w in articles).items()}


def attainment(works: Works, first: str, last: str) -> dict[str, Value]:
    """Unit -> KNW-01, its target of the year of the last month; only units with a target.

    Only the months from January of a year are measured against a target of that year.
    """
    if first != f"{last[:4]}-01":
        return {}
    counts = figures(works, "KNW-01", first, last)
    targets = {
        row["unit_id"]: int(row["value"])
        for row in read(DEMO / "targets.csv")
        if (row["indicator_code"], row["year"]) == ("KNW-01", last[:4])
    }
    return {unit: (int(str(counts.get(unit, 0))), target) for unit, target in targets.items()}


def figures(works: Works, code: str, first: str, last: str) -> dict[str, Value]:
    """Unit -> value of an indicator; a unit that is absent has nothing.

    Args:
        works: work key -> work, as a measure sees them.
        code: one of INDICATORS.
        first: first month, `YYYY-MM`. A stock is that of the end of the last month.
        last: last month, `YYYY-MM`, included.

    Returns:
        Integers, or (numerator, denominator) for KNW-04, KNW-05 and KNW-08.
    """
    special = {"KNW-04": fractions, "KNW-05": quartiles, "KNW-08": attainment}
    if code in special:
        return special[code](works, first, last)
    if code in MONEY:
        return dict(money(works, code, first, last))
    if code in SETS:
        return dict(distinct(works, code, first, last))
    if code in STOCK:
        date, condition = STOCK[code]
        stock = selected(works, "product", date, "", last, condition)
        return dict(tally(work.units for work in stock if in_stock(work, "ended_on", last)))
    type_, date, condition = (WHOLE | LEAD)[code]
    chosen = selected(works, type_, date, first, last, condition)
    return dict(tally(work.units if code in WHOLE else work.lead_units for work in chosen))


def overlap(works: Works, code: str, first: str, last: str) -> dict[str, set[str]]:
    """Work key -> claiming institutions, of the counted works that two or more of them claim."""
    type_, date, condition = (WHOLE | LEAD)[code]
    chosen = {id(work) for work in selected(works, type_, date, first, last, condition)}
    return {
        key: work.claiming
        for key, work in works.items()
        if id(work) in chosen and len(work.claiming) > 1
    }


def table(first: str, last: str) -> str:
    """The figures of the consortium and the institutions, declared / verified, in Markdown."""
    units = ("consortium", *INSTITUTIONS)
    lines = [f"| {first} to {last} | {' | '.join(units)} |", "|---|" + "---:|" * len(units)]
    for code in INDICATORS:
        found = [figures(demo_works.works(measure), code, first, last) for measure in MEASURES]
        cells = [" / ".join(shown(values.get(unit, 0)) for values in found) for unit in units]
        lines.append(f"| {code} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value[0]:,} : {value[1]:,}"


if __name__ == "__main__":
    print(table(*(sys.argv[1:3] if len(sys.argv) > 2 else ("2025-01", "2025-07"))))
