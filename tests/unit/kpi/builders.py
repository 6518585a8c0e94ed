"""Trees, catalogues, claims and events with defaults, for the tests of the KPI service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.cli.files import catalogue_yaml
from services.kernel.publisher import Headers
from services.kpi.domain.catalogue import Catalogue, Component, Indicator, Rule
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube
from services.kpi.domain.fold import roll_up
from services.kpi.domain.months import month_text
from services.kpi.domain.tree import Unit, UnitTree
from services.kpi.domain.work import UNVERIFIED, Claim, Key, Statement
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue

INDICATORS = Path(__file__).parents[3] / "deploy" / "catalogue" / "indicators.yaml"
INSTITUTIONS = ("alpha", "beta", "gamma")
PARENTS = {
    "root": "",
    "alpha": "root",
    "alpha/eng": "alpha",
    "alpha/sci": "alpha",
    "alpha/sci/lab": "alpha/sci",
    "beta": "root",
    "beta/one": "beta",
    "beta/two": "beta",
    "gamma": "root",
}
UNITS = tuple(PARENTS)
TREE = UnitTree(Unit(unit, above, unit in INSTITUTIONS) for unit, above in PARENTS.items())
JANUARY = 2025 * 12


@cache
def catalogue_message() -> catalogue_pb2.Catalogue:
    kinds = directory_pb2.UnitKind
    units = [
        directory_pb2.Unit(
            unit_id=unit,
            parent_id=above,
            kind=kinds.UNIT_KIND_INSTITUTION
            if unit in INSTITUTIONS
            else kinds.UNIT_KIND_SCHOOL
            if above
            else kinds.UNIT_KIND_CONSORTIUM,
        )
        for unit, above in PARENTS.items()
    ]
    message = catalogue_yaml.read(INDICATORS)
    message.version = 1
    message.units.extend(units)
    return message


@cache
def real_catalogue() -> Catalogue:
    """The catalogue that is deployed, over the small tree of these tests."""
    return decode_catalogue(catalogue_message())


def component(rule: Rule = Rule.WHOLE, **fields: Any) -> Component:
    return Component(**{"type": "thing", "rule": rule, "date": "made_on", **fields})


def catalogue(*components: Component, tree: UnitTree = TREE) -> Catalogue:
    """A catalogue whose indicators are A, B, C... of the components."""
    indicators = [Indicator(chr(65 + i), part) for i, part in enumerate(components)]
    return Catalogue.build(1, indicators, tree)


def claim(
    unit: str = "alpha",
    submission: str = "s1",
    *,
    lead: bool = False,
    share: int = 0,
    rank: int = 3,
    type: str = "thing",
    tree: UnitTree = TREE,
    since: int = UNVERIFIED,
    **facts: Any,
) -> Claim:
    known = {"made_on": "2025-03-10", **facts}
    set_facts = {name: value for name, value in known.items() if value is not None}
    return Claim(submission, tree.number[unit], lead, share, rank, type, set_facts, since)


def said(declared: Claim | None, verified: Claim | None = None, version: int = 1) -> Statement:
    return Statement(version, declared, verified)


def both(one: Claim, version: int = 1) -> Statement:
    """A verified claim that nothing was amended of."""
    return Statement(version, one, one)


def cells(changes: Mapping[Key, int], made_of: Catalogue) -> dict[tuple[str, ...], int]:
    """Cells as people read them: (unit, month, column, and the member if any) -> value."""
    return {
        (unit, month_text(month), column, *([member] if member else [])): value
        for (unit, month), row in roll_up(changes, made_of).items()
        for (column, member), value in row.items()
    }


def counted(claims: Iterable[Claim], made_of: Catalogue) -> dict[str, int]:
    """What declared claims add to the first indicator: unit -> value, over all months."""
    claims = list(claims)
    totals: dict[str, int] = {}
    for (unit, _, column, *_), value in cells(
        contribution([said(one) for one in claims], made_of), made_of
    ).items():
        if column == "A:declared":
            totals[unit] = totals.get(unit, 0) + value
    return totals


def cube_of(made_of: Catalogue, *partitions: Mapping[Key, int]) -> Cube:
    """The image of the cells of partitions 0, 1, ..."""
    cube = Cube(made_of)
    for partition, changes in enumerate(partitions):
        for (unit_id, month), row in roll_up(changes, made_of).items():
            cube.put(partition, unit_id, month, row)
    return cube


def wire_claim(unit: str, kind: str, /, **facts: Any) -> events_pb2.Claim:
    part = facts.pop("part", submission_pb2.PART_MEMBER)
    source = facts.pop("vouched", submission_pb2.SOURCE_DECLARED)
    share = facts.pop("share_ppm", 0)
    message = events_pb2.Claim(unit_id=unit, part=part, source=source, share_ppm=share)
    getattr(message.facts, kind).SetInParent()
    for name, value in facts.items():
        fact = getattr(message.facts, kind)
        if isinstance(value, list):
            getattr(fact, name).extend(value)
        else:
            setattr(fact, name, value)
    return message


def article(unit: str = "alpha/sci", **facts: Any) -> events_pb2.Claim:
    return wire_claim(unit, "publication", **{"indexes": [1], "issued_on": "2025-03-10", **facts})


def changed(
    submission: str = "s1",
    version: int = 1,
    work_key: str = "doi:10.1/a",
    declared: events_pb2.Claim | None = None,
    verified: events_pb2.Claim | None = None,
    institution: str = "",
) -> events_pb2.SubmissionChanged:
    """An event; without claims it is a retraction. Its institution is that of the claims."""
    claims = [one for one in (verified, declared) if one is not None]
    institution = institution or (claims[0].unit_id.split("/")[0] if claims else "alpha")
    return events_pb2.SubmissionChanged(
        submission_id=submission,
        version=version,
        institution_id=institution,
        work_key=work_key,
        declared=declared,
        verified=verified,
    )


@dataclass
class FakeRecord:
    """A record as the consumer hands it over."""

    offset: int
    value: bytes | None
    headers: Headers = field(default_factory=list)
    topic: str = "kieng.submissions.v1"
    partition: int = 0
    timestamp: int = 1_750_000_000_000
    key: bytes | None = b"k"


def record(offset: int, event: Any, kind: str = "", at: str = "2025-07-01T00:00:00Z") -> FakeRecord:
    value = event if isinstance(event, bytes) else event.SerializeToString()
    kind = kind or (events.CHANGED if isinstance(event, bytes) else event.DESCRIPTOR.full_name)
    source = f"kieng/submissions/{getattr(event, 'institution_id', '')}"
    headers = {"ce_type": kind, "ce_time": at, "ce_source": source}
    return FakeRecord(offset, value, [(name, text.encode()) for name, text in headers.items()])
