"""The counting rules: what one work contributes to the cells of a view.

A contribution belongs to a unit and rolls up to all its ancestors. A whole count is a union, not a
sum, and still rolls up linearly: with the claiming units in depth-first order, 1 is added at each
unit and 1 is subtracted at the lowest common ancestor of each two neighbours, so that every
ancestor counts the work once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from services.kpi.domain.catalogue import INSTITUTIONS, NEVER, Catalogue, Component, Rule
from services.kpi.domain.cuts import SEPARATOR
from services.kpi.domain.months import month_of_date
from services.kpi.domain.shares import WHOLE, split
from services.kpi.domain.tree import UnitTree
from services.kpi.domain.work import Claim, Fact, Key, Statement

# 17 bits hold every month up to the year 9999, which people use to mean "never".
MONTH_BITS, COLUMN_BITS = 17, 12


def number_key(unit: int, month: int, column: int) -> int:
    """Return unit number, month and column number packed into one integer, cheap to hash."""
    return (unit << MONTH_BITS | month) << COLUMN_BITS | column


def key_parts(key: int) -> tuple[int, int, int]:
    """Return (unit number, month, column number) of an integer made by `number_key`."""
    return (
        key >> (MONTH_BITS + COLUMN_BITS),
        key >> COLUMN_BITS & (1 << MONTH_BITS) - 1,
        key & (1 << COLUMN_BITS) - 1,
    )


def contribution(statements: Iterable[Statement], catalogue: Catalogue) -> dict[Key, int]:
    """Return what a work contributes to the cells of its claiming units.

    Args:
        statements: the newest statement of each submission about the work, in any order.
        catalogue: rules and unit tree to count by.

    Returns:
        Key of a cell -> amount, without zeros, not yet rolled up along the tree.
    """
    live = [s for s in statements if s.declared is not None or s.verified is not None]
    declared = [s.declared for s in live if s.declared is not None]
    verified = [s.verified for s in live if s.verified is not None]
    added: dict[Key, int] = {}
    if declared == verified:
        _count(declared, catalogue, (0, 1), added)
    else:
        _count(declared, catalogue, (0,), added)
        _count(verified, catalogue, (1,), added)
    return {key: value for key, value in added.items() if value}


def _count(
    claims: list[Claim], catalogue: Catalogue, measures: tuple[int, ...], added: dict[Key, int]
) -> None:
    if not claims:
        return
    if len(claims) > 1:
        claims = sorted(claims, key=lambda claim: claim.precedence)
        # The leading claim determines the type of the work; claims of another type do not count.
        claims = [claim for claim in claims if claim.type == claims[0].type]
    facts = Facts(claims, catalogue.tree)
    for column, component in catalogue.components_of.get(claims[0].type, ()):
        # The rule `claims` counts each claim by its own facts; others use the leading claim's.
        if component.rule is Rule.CLAIMS and len(claims) > 1:
            for claim in claims:
                said = Facts([claim], catalogue.tree)
                _count_component(column, component, said, catalogue, measures, added)
        else:
            _count_component(column, component, facts, catalogue, measures, added)


def _count_component(
    column: int,
    component: Component,
    facts: Facts,
    catalogue: Catalogue,
    measures: tuple[int, ...],
    added: dict[Key, int],
) -> None:
    for test in component.where:
        if not test.holds(facts.get):
            return
    begin = begin_of(component, facts)
    if not begin:
        return
    parts = parts_of(component, facts)
    columns = [(column, parts)]
    for cut_column, cut in catalogue.cuts_of.get(column, ()):
        terms = cut.terms_of(facts.get, begin)
        columns.append((cut_column, _under(terms, parts)))
    month = month_of_date(begin)
    end = ""
    if component.is_stock and component.until != NEVER:
        end = facts.date(component.until)
    for number, found in columns:
        _add(found, month, 1, number, measures, added)
        if end:
            # Not before the start: a wrong end date must not make a stock negative.
            _add(found, max(month, month_of_date(end)), -1, number, measures, added)


def begin_of(component: Component, facts: Facts) -> str:
    """Return the date from which a work counts, `YYYY-MM-DD`; empty if a needed date is missing.

    It is the later one of the component's `date` and, if there is one, `not_before`.
    """
    date = facts.date(component.date)
    if not date or not component.not_before:
        return date
    other = facts.date(component.not_before)
    return max(date, other) if other else ""


def dated_by(component: Component, facts: Facts) -> str:
    """Return the name of the date fact from which a work counts, see `begin_of`."""
    is_later = facts.date(component.not_before) > facts.date(component.date)
    return component.not_before if is_later else component.date


def _under(terms: list[str], parts: list[tuple[int, str, int]]) -> list[tuple[int, str, int]]:
    return [
        (unit, f"{term}{SEPARATOR}{member}" if member else term, value)
        for term in terms
        for unit, member, value in parts
    ]


class Facts:
    """The facts of a work: those of its leading claim, the first in order of precedence.

    Facts are never mixed from several claims. A unit that joins a work accepts its facts as they
    are, so that no claim can move the numbers of another unit (ADR 0025). Only the set of claiming
    institutions is taken from all claims.

    Args:
        claims: claims on the work in order of precedence, at least one.
        tree: the unit tree.
    """

    def __init__(self, claims: list[Claim], tree: UnitTree) -> None:
        self.claims = claims
        self.tree = tree
        self._said = claims[0].facts

    def get(self, name: str) -> Fact | None:
        """Return the fact of this name; None if the leading claim does not state it.

        `INSTITUTIONS` is computed: the ids of all claiming and named institutions, sorted.
        """
        if name == INSTITUTIONS:
            return self._institutions()
        return self._said.get(name)

    def date(self, name: str) -> str:
        """Return the date fact of this name; empty if it is missing or not text."""
        found = self._said.get(name)
        return found if isinstance(found, str) else ""

    def whole_number(self, name: str) -> int | None:
        """Return the integer fact of this name; None if it is missing or not an integer."""
        found = self.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def _institutions(self) -> tuple[str, ...]:
        tree = self.tree
        claiming = {tree.institution[claim.unit] for claim in self.claims} - {None}
        found = {tree.ids[number] for number in claiming if number is not None}
        named = self._said.get(INSTITUTIONS, ())
        if isinstance(named, tuple):
            found.update(named)
        return tuple(sorted(found))


def parts_of(component: Component, facts: Facts) -> list[tuple[int, str, int]]:
    """Return what a work adds to a component by its counting rule, as (unit number, member, value).

    The member is empty unless the component is a distinct count. The list is empty if a required
    fact is missing.
    """
    claims, tree = facts.claims, facts.tree
    if component.rule is Rule.WHOLE:
        if len(claims) == 1:
            return [(claims[0].unit, "", 1)]
        return [(unit, "", value) for unit, value in union([c.unit for c in claims], tree)]
    if component.rule is Rule.CLAIMS:
        return [(claim.unit, "", 1) for claim in claims]
    if component.rule is Rule.LEAD:
        return [(claim.unit, "", 1) for claim in claims if claim.is_lead][:1]
    if component.rule is Rule.DISTINCT:
        member = facts.get(component.member)
        return [(claim.unit, str(member), 1) for claim in claims] if member else []
    amount = amount_of(component, facts)
    if amount is None:
        return []
    shares = split(amount, claims, tree)
    parts = [(claim.unit, "", share) for claim, share in zip(claims, shares, strict=True)]
    payer = tree.number.get(str(facts.get("payer_unit_id") or ""))
    if component.rule is Rule.MONEY_RECEIVED and payer is not None:
        # At a common ancestor of payer and payee the payment is only an internal transfer.
        parts += [(tree.meeting(unit, payer), "", -share) for unit, _, share in parts]
    return parts


def amount_of(component: Component, facts: Facts) -> int | None:
    """Return the quantity to split among the claims on a work; None if a needed fact is missing.

    It is the amount, multiplied if the component says so, or `WHOLE` for a component without one.
    """
    if not component.amount:
        return WHOLE
    amount = facts.whole_number(component.amount)
    if amount is None or not component.times:
        return amount
    factor = facts.whole_number(component.times)
    return None if factor is None else amount * factor


def union(units: list[int], tree: UnitTree) -> list[tuple[int, int]]:
    """Return (unit number, +1 or -1) that roll up to 1 at each given unit and each ancestor.

    Args:
        units: unit numbers in any order; at least one, and repetitions count once.
        tree: the unit tree.
    """
    if len(units) == 1:
        return [(units[0], 1)]
    ordered = sorted(set(units))
    added = [(unit, 1) for unit in ordered]
    added += [(tree.meeting(a, b), -1) for a, b in pairwise(ordered)]
    return added


def _add(
    parts: list[tuple[int, str, int]],
    month: int,
    sign: int,
    column: int,
    measures: tuple[int, ...],
    added: dict[Key, int],
) -> None:
    for unit, member, value in parts:
        declared = number_key(unit, month, column)
        for measure in measures:
            number = declared + measure
            key: Key = (number, member) if member else number
            added[key] = added.get(key, 0) + sign * value
