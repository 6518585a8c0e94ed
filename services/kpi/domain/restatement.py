"""Restatement of a closed period: one line per changed work; the lines add up to every cell.

Frozen works name units and columns, so that works of another log or catalogue are comparable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from services.kpi.domain.catalogue import Catalogue, Component
from services.kpi.domain.cube import Range

ContributionKey = tuple[str, int, str, str]
"""(unit id, month, column name, member) of a contribution; the member is empty for counts."""

EditionCellKey = tuple[str, str, int]
"""(unit id, indicator code, part): part 0 is the value or numerator, 1 the denominator."""


class Cause(Enum):
    """Why a submission counts differently now from when the period was closed.

    `LATE`: it was unknown then. `NEWLY_VERIFIED`: it was not verified then. `WITHDRAWN` and
    `REJECTED`: it no longer counts. `AMENDED`: any other change.
    """

    LATE = "late"
    NEWLY_VERIFIED = "newly_verified"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FrozenClaim:
    """A submission as an edition froze it, with what is needed to detect later changes.

    ``unit_id`` is empty after a retraction. ``subject`` is the opaque token subject of the person
    who last submitted. ``declared`` and ``verified`` are hashes of the claims, empty without a
    claim.
    """

    submission_id: str
    version: int
    institution_id: str
    unit_id: str
    subject: str
    state: str
    declared: str
    verified: str


@dataclass(frozen=True, slots=True)
class FrozenWork:
    """A work as an edition, i.e. a signed snapshot of a closed period, froze it.

    ``claims`` are its submissions in order of id; ``contributed`` is what it adds to the cells of
    its units, not rolled up along the tree.
    """

    work_key: str
    claims: tuple[FrozenClaim, ...]
    contributed: Mapping[ContributionKey, int]


@dataclass(frozen=True, slots=True)
class RestatedClaim:
    """A submission that counts differently now, and why.

    ``version_before`` is its version when the period was closed; 0 if it was unknown then.
    """

    claim: FrozenClaim
    cause: Cause
    version_before: int


@dataclass(slots=True)
class Line:
    """One line of a restatement: a work whose contribution changed since a period was closed.

    ``claims`` are its changed submissions; ``changes`` maps each changed cell to the difference,
    which is the present value minus the closed one.
    """

    work_key: str
    claims: list[RestatedClaim]
    changes: dict[EditionCellKey, int] = field(default_factory=dict)


def cause_of(old: FrozenClaim | None, new: FrozenClaim | None, measure: int) -> Cause | None:
    """Return why a submission counts differently in a measure; None if it counts as before.

    Args:
        old: the submission when the period was closed; None if it was unknown.
        new: the submission now; None if it is not in the present log.
        measure: 0 declared, 1 verified.
    """
    before = _hash(old, measure)
    now = _hash(new, measure)
    if before == now:
        return None
    if not now:
        state = new.state if new else "withdrawn"
        return {"rejected": Cause.REJECTED, "withdrawn": Cause.WITHDRAWN}.get(state, Cause.AMENDED)
    if old is None:
        return Cause.LATE
    return Cause.NEWLY_VERIFIED if measure and not before else Cause.AMENDED


def _hash(claim: FrozenClaim | None, measure: int) -> str:
    if claim is None:
        return ""
    return claim.verified if measure else claim.declared


class Restatement:
    """Compares frozen works with present ones, for the cells of a subtree and a range of months.

    Args:
        catalogue: the edition's catalogue.
        unit_id: root of the subtree.
        months: first and last month of the edition, both included.
        measure: 0 declared, 1 verified.
    """

    def __init__(self, catalogue: Catalogue, unit_id: str, months: Range, measure: int) -> None:
        self._catalogue = catalogue
        self._measure = measure
        self._months = months
        tree = catalogue.tree
        top = tree.number[unit_id]
        self._above = {
            tree.ids[number]: [tree.ids[n] for n in tree.ancestors[number] if tree.holds(top, n)]
            for number in range(len(tree.ids))
            if tree.holds(top, number)
        }
        self._columns: dict[str, tuple[Component, list[tuple[str, int]]]] = {}
        for indicator in catalogue.indicators.values():
            for part, component in enumerate((indicator.value, indicator.denominator)):
                if component is not None:
                    name = catalogue.columns[catalogue.number[component, measure, ""]].name
                    known = self._columns.setdefault(name, (component, []))
                    known[1].append((indicator.code, part))

    def lines(self, old: Iterable[FrozenWork], new: Iterable[FrozenWork]) -> list[Line]:
        """Return one line for each work that changed a cell, in order of work key.

        Works that changed no cell of the subtree and range are left out. A member that a distinct
        count gains or loses is attributed to the first work that caused it.

        Args:
            old: works as they were when the period was closed, in order of key.
            new: works as they are now, in order of key.
        """
        found: list[Line] = []
        # Members of distinct counts: how often each was named, and changes as (line, difference).
        named: Counter[tuple[str, str, str]] = Counter()
        renamed: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        for before, now in _pairs(old, new):
            if _is_settled(before, now):
                continue
            was, is_now = self._rolled(before), self._rolled(now)
            for place, value in was.items():
                if place[2]:
                    named[place] += value
            changes = {
                place: is_now.get(place, 0) - was.get(place, 0)
                for place in was.keys() | is_now.keys()
                if is_now.get(place, 0) != was.get(place, 0)
            }
            if not changes:
                continue
            line = Line(_key(before, now), self._claims(before, now))
            for (unit_id, column, member), change in changes.items():
                if member:
                    slot = renamed.setdefault((unit_id, column, member), [])
                    slot.append((len(found), change))
                else:
                    self._add(line, unit_id, column, change)
            found.append(line)
        self._count_members(found, named, renamed)
        return [line for line in found if line.changes]

    def _rolled(self, work: FrozenWork | None) -> dict[tuple[str, str, str], int]:
        """Return a work's sums of the range, rolled up: (unit id, column name, member) -> value."""
        first, last = self._months
        total: Counter[tuple[str, str, str]] = Counter()
        for (unit_id, month, column, member), value in (work.contributed if work else {}).items():
            known = self._columns.get(column)
            if known is None or month > last or (month < first and not known[0].is_stock):
                continue
            for above in self._above.get(unit_id, ()):
                total[above, column, member] += value
        return {place: value for place, value in total.items() if value}

    def _claims(self, old: FrozenWork | None, new: FrozenWork | None) -> list[RestatedClaim]:
        before = _by_submission(old)
        now = _by_submission(new)
        found = []
        for submission in sorted(before.keys() | now.keys()):
            was, is_now = before.get(submission), now.get(submission)
            cause = cause_of(was, is_now, self._measure)
            told = _told(was, is_now)
            if cause is not None:
                found.append(RestatedClaim(told, cause, was.version if was else 0))
        return found

    def _add(self, line: Line, unit_id: str, column: str, change: int) -> None:
        for code, part in self._columns[column][1]:
            key = (unit_id, code, part)
            line.changes[key] = line.changes.get(key, 0) + change

    def _count_members(
        self,
        lines: list[Line],
        named: Mapping[tuple[str, str, str], int],
        renamed: Mapping[tuple[str, str, str], list[tuple[int, int]]],
    ) -> None:
        """Attribute an added or removed member to the first work, by key, that caused it."""
        for (unit_id, column, member), changes in renamed.items():
            before = named.get((unit_id, column, member), 0)
            now = before + sum(change for _, change in changes)
            sign = (now > 0) - (before > 0)
            if sign:
                number = next(number for number, change in changes if change * sign > 0)
                self._add(lines[number], unit_id, column, sign)


def _by_submission(work: FrozenWork | None) -> dict[tuple[str, str], FrozenClaim]:
    """Return a work's claims by (submission id, institution id), as older ids are not unique."""
    claims = work.claims if work else ()
    return {(claim.submission_id, claim.institution_id): claim for claim in claims}


def _key(old: FrozenWork | None, new: FrozenWork | None) -> str:
    work = new or old
    assert work is not None
    return work.work_key


def _is_settled(old: FrozenWork | None, new: FrozenWork | None) -> bool:
    """Return True if a work needs no comparison: it is unchanged and names no member."""
    if old is None or new is None or old.contributed != new.contributed:
        return False
    return not any(member for *_, member in old.contributed)


def _told(old: FrozenClaim | None, new: FrozenClaim | None) -> FrozenClaim:
    """Return the claim to show in a line; a retraction has no unit and shows its former one."""
    if new is None or old is None:
        claim = new or old
        assert claim is not None
        return claim
    if new.unit_id:
        return new
    return FrozenClaim(
        new.submission_id,
        new.version,
        new.institution_id,
        old.unit_id,
        new.subject,
        new.state,
        new.declared,
        new.verified,
    )


def _pairs(
    old: Iterable[FrozenWork], new: Iterable[FrozenWork]
) -> Iterator[tuple[FrozenWork | None, FrozenWork | None]]:
    """Merge-join frozen and present works, both sorted by key; neither has to fit into memory."""
    olds, news = iter(old), iter(new)
    before, now = next(olds, None), next(news, None)
    while before is not None or now is not None:
        if now is None or (before is not None and before.work_key < now.work_key):
            yield before, None
            before = next(olds, None)
        elif before is None or now.work_key < before.work_key:
            yield None, now
            now = next(news, None)
        else:
            yield before, now
            before, now = next(olds, None), next(news, None)
