"""Random histories of claims by random units of a random tree, on the deployed catalogue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st

from services.kpi.domain.catalogue import Catalogue, Component, Rule
from services.kpi.domain.fold import fold
from services.kpi.domain.tree import Unit, UnitTree
from services.kpi.domain.work import UNVERIFIED, Claim, Fact, Key, Statement, Work
from tests.unit.kpi.builders import real_catalogue

EXAMPLES = 200 if "DEEP" in os.environ else 50
DETERMINISTIC = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
INDICATORS = list(real_catalogue().indicators.values())
COMPONENTS = list(dict.fromkeys(column.component for column in real_catalogue().columns))
# One type of every counting rule more often, so that no rule goes unseen.
OFTEN = ["publication", "receipt", "agreement", "product", "institute", "transfer_contract"]
TYPES = [*OFTEN * 3, *sorted(real_catalogue().components_of)]
FIELDS = {kind: sorted(fields) for kind, fields in real_catalogue().fields_of.items()}
LISTS = {"indexes", "institutions", "fields", "areas"}
NUMBERS = {"unit_authors", "trainees", "hours", "trl", "evidence"}
FLAGS = {"in_kind", "overseas_vietnamese"}
WORDS = sorted({word for c in COMPONENTS for test in c.where for word in test.values} | {"other"})
DATES = ["2024-11-30", "2025-01-01", "2025-03-10", "2025-03-31", "2025-12-31", "9999-12-31"]
FIRST, LAST = 2024 * 12 + 10, 9999 * 12 + 11

Cells = dict[Key, int]


@dataclass(frozen=True)
class Event:
    """A statement of a submission about a work, as it lies in the log."""

    work_key: str
    submission_id: str
    statement: Statement


@dataclass(frozen=True)
class History:
    """A catalogue over a random tree, and a log."""

    catalogue: Catalogue = field(repr=False)
    events: list[Event]


def over(tree: UnitTree) -> Catalogue:
    """The deployed catalogue, over another tree."""
    deployed = real_catalogue()
    cuts = {
        (deployed.columns[column].component.type, cut.name): cut
        for column, found in deployed.cuts_of.items()
        for _, cut in found
    }
    return Catalogue.build(1, INDICATORS, tree, deployed.components_of, cuts)


@st.composite
def trees(draw: st.DrawFn) -> UnitTree:
    """A root, one to three institutions, and up to six units anywhere below them."""
    institutions = [f"i{n}" for n in range(draw(st.integers(1, 3)))]
    units = [Unit("root", ""), *(Unit(name, "root", True) for name in institutions)]
    below = list(institutions)
    for number in range(draw(st.integers(0, 6))):
        above = draw(st.sampled_from(below))
        below.append(f"{above}/{number}")
        units.append(Unit(below[-1], above))
    return UnitTree(units)


def fact(name: str, tree: UnitTree) -> st.SearchStrategy[Fact]:
    if name.endswith("_on"):
        return st.sampled_from(DATES)
    if name.endswith("_vnd"):
        return st.integers(1, 10**15 - 1)
    if name in NUMBERS:
        return st.integers(1, 20)
    if name in FLAGS:
        return st.just(True)
    if name == "payer_unit_id":
        return st.sampled_from([*tree.ids, "elsewhere"])
    if name in LISTS:
        words = ["wos", "scopus", "ai", "energy_materials", "quantum", "cybersecurity"]
        if name == "institutions":
            words = [*tree.ids, "elsewhere"]
        return st.lists(st.sampled_from(words), min_size=1, max_size=2).map(tuple)
    if name in {"kind", "level", "source", "stage", "quartile"}:
        return st.sampled_from(WORDS)
    return st.sampled_from(["p:1", "p:2", "p:3"])


@st.composite
def claims(draw: st.DrawFn, tree: UnitTree, submission_id: str, kind: str) -> Claim:
    facts: dict[str, Fact] = {}
    for name in FIELDS[kind]:
        if draw(st.integers(0, 9)):
            facts[name] = draw(fact(name, tree))
    return Claim(
        submission_id,
        draw(st.integers(0, len(tree.ids) - 1)),
        draw(st.booleans()),
        draw(st.sampled_from([0, 250_000, 600_000])),
        draw(st.sampled_from([1, 2, 3])),
        kind,
        facts,
        draw(st.sampled_from([UNVERIFIED, 1, 2])),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to four works, up to ten versions of up to five submissions; mostly one type a work."""
    tree = draw(trees())
    catalogue = over(tree)
    kinds = [draw(st.sampled_from(TYPES)) for _ in range(draw(st.integers(1, 4)))]
    events = []
    for number in range(draw(st.integers(1, 10))):
        work = draw(st.integers(0, len(kinds) - 1))
        submission = f"s{draw(st.integers(0, 4))}"
        kind = kinds[work] if draw(st.integers(0, 9)) else draw(st.sampled_from(TYPES))
        declared = draw(claims(tree, submission, kind))
        shape = draw(st.sampled_from(["declared", "verified", "amended", "retracted"]))
        if shape == "declared":
            statement = Statement(number + 1, declared)
        elif shape == "amended":
            statement = Statement(number + 1, declared, draw(claims(tree, submission, kind)))
        elif shape == "retracted":
            statement = Statement(number + 1)
        else:
            statement = Statement(number + 1, declared, declared)
        events.append(Event(f"w{work}", submission, statement))
    return History(catalogue, events)


def folded(events: Iterable[Event], catalogue: Catalogue) -> tuple[dict[str, Work], Cells]:
    """The works after a log, and the sum of all changes it made."""
    works: dict[str, Work] = {}
    total: Cells = {}
    for event in events:
        old = works.get(event.work_key, Work())
        works[event.work_key], changes = fold(old, event.submission_id, event.statement, catalogue)
        for key, change in changes.items():
            total[key] = total.get(key, 0) + change
    return works, {key: value for key, value in total.items() if value}


def retractions(events: Sequence[Event]) -> list[Event]:
    """What takes back every claim of a log."""
    last = max(event.statement.version for event in events)
    said = {(event.work_key, event.submission_id) for event in events}
    return [Event(work, who, Statement(last + 1)) for work, who in sorted(said)]


def live_claims(work: Work, measure: int) -> list[Claim]:
    """The claims that count in a measure: those of the type of the strongest one."""
    found = [
        claim
        for statement in work.statements.values()
        if (claim := statement.verified if measure else statement.declared) is not None
    ]
    found.sort(key=lambda claim: (claim.verified_ms, claim.rank, claim.name))
    return [claim for claim in found if claim.type == found[0].type]


def only(rule: Rule) -> list[Component]:
    return [component for component in COMPONENTS if component.rule is rule]
