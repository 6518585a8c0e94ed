"""What one work adds to the view: the counting rules, each named once.

A contribution stands at a unit and rolls up to all units above. A whole count is a union, not a
sum, and still rolls up linearly: with the claiming units in depth-first order, one is added at each
and one taken away where neighbours' paths meet, so that every unit above counts the work once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from services.kpi.domain.catalogue import INSTITUTIONS, NEVER, Catalogue, Component, Rule
from services.kpi.domain.claims import Claim, Fact, Key, Statement, effective_date, settled
from services.kpi.domain.months import month_of_date
from services.kpi.domain.shares import WHOLE, split
from services.kpi.domain.tree import UnitTree

# 17 bits hold every month to the end of year 9999, which people write for "never".
MONTH_BITS, COLUMN_BITS = 17, 12


def number_key(unit: int, month: int, column: int) -> int:
    """Return the key of (unit, month, column) as one integer: cheap to hash and to compare."""
    return (unit << MONTH_BITS | month) << COLUMN_BITS | column


def key_parts(key: int) -> tuple[int, int, int]:
    """Return (unit, month, column) of a key."""
    return (
        key >> (MONTH_BITS + COLUMN_BITS),
        key >> COLUMN_BITS & (1 << MONTH_BITS) - 1,
        key & (1 << COLUMN_BITS) - 1,
    )


def contribution(statements: Iterable[Statement], catalogue: Catalogue) -> dict[Key, int]:
    """Return what a work adds, from all that is said about it. Ignores the order of arrival.

    Returns:
        Key -> whole number, without zeros; to be rolled up along the tree.
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
    claims = sorted(claims, key=lambda claim: claim.precedence)
    # The strongest claim says what the work is; one that calls it something else does not count.
    claims = [claim for claim in claims if claim.type == claims[0].type]
    facts = _Facts(claims, catalogue.tree)
    for column, component in catalogue.components_of.get(claims[0].type, ()):
        if not all(test.holds(facts.get(test.field)) for test in component.where):
            continue
        date = effective_date(claims, component.date)
        if not date:
            continue
        parts = _parts(component, claims, facts, catalogue.tree)
        month = month_of_date(date)
        _add(parts, month, 1, column, measures, added)
        if component.is_stock and component.until != NEVER:
            end = effective_date(claims, component.until)
            if end:
                # Never before it came in: a wrong end must not make a stock negative.
                _add(parts, max(month, month_of_date(end)), -1, column, measures, added)


class _Facts:
    """The facts of a work, settled among its claims."""

    def __init__(self, claims: list[Claim], tree: UnitTree) -> None:
        self._claims = claims
        self._tree = tree

    def get(self, name: str) -> Fact | None:
        if name == INSTITUTIONS:
            return self._institutions()
        return settled(self._claims, name)

    def _institutions(self) -> tuple[str, ...]:
        tree = self._tree
        claiming = {tree.institution[claim.unit] for claim in self._claims} - {None}
        found = {tree.ids[number] for number in claiming if number is not None}
        for claim in self._claims:
            named = claim.facts.get(INSTITUTIONS, ())
            if isinstance(named, tuple):
                found.update(named)
        return tuple(sorted(found))


def _parts(
    component: Component, claims: list[Claim], facts: _Facts, tree: UnitTree
) -> list[tuple[int, str, int]]:
    """Return (unit, member, value) of a component by its counting rule."""
    if component.rule is Rule.WHOLE:
        return [(unit, "", value) for unit, value in union([c.unit for c in claims], tree)]
    if component.rule is Rule.FRACTION:
        shares = split(WHOLE, claims, tree)
        return [(claim.unit, "", share) for claim, share in zip(claims, shares, strict=True)]
    if component.rule is Rule.LEAD:
        return [(claim.unit, "", 1) for claim in claims if claim.is_lead][:1]
    if component.rule is Rule.DISTINCT:
        member = facts.get(component.member)
        return [(claim.unit, str(member), 1) for claim in claims] if member else []
    return _money(component, claims, facts, tree)


def _money(
    component: Component, claims: list[Claim], facts: _Facts, tree: UnitTree
) -> list[tuple[int, str, int]]:
    amount = facts.get(component.amount)
    if not isinstance(amount, int) or isinstance(amount, bool):
        return []
    parts = []
    payer = tree.number.get(str(facts.get("payer_unit_id") or ""))
    for claim, share in zip(claims, split(amount, claims, tree), strict=True):
        parts.append((claim.unit, "", share))
        if payer is not None:
            # Where payer and payee meet the money only changes hands.
            parts.append((tree.meeting(claim.unit, payer), "", -share))
    return parts


def union(units: list[int], tree: UnitTree) -> list[tuple[int, int]]:
    """Return (unit, +1 or -1) whose roll-up is 1 at every unit that holds one of ``units``."""
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
        for measure in measures:
            number = number_key(unit, month, column + measure)
            key: Key = (number, member) if member else number
            added[key] = added.get(key, 0) + sign * value
