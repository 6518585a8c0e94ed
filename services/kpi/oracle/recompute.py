"""The oracle: recomputes every cell of a view from the log with DuckDB, independently of the fold.

It shares only the generated protobuf messages with the fold. Several logs, called runs, can be
recomputed at once, so that a simulation can check thousands of schedules cheaply.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
from google.protobuf.json_format import MessageToDict

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kpi.oracle import sql
from services.kpi.oracle.judgement import CLAIMS, Judge, happened

CellKey = tuple[str, str, str, str]
"""(unit id, month `YYYY-MM`, column name, member) of a cell; the member is empty for counts."""


@dataclass(frozen=True)
class LogRecord:
    """One event of a log to recompute; their order does not matter.

    Args:
        run: number of the log that the event belongs to.
        value: the encoded `SubmissionChanged`.
    """

    run: int
    value: bytes


def recompute(
    log: Iterable[LogRecord], catalogue: catalogue_pb2.Catalogue
) -> dict[int, dict[CellKey, int]]:
    """Return all cells of one or more logs, computed in SQL.

    Of each submission and work only the newest event counts; those that are to be parked, by
    themselves, are ignored.

    Args:
        log: events of all runs, in any order.
        catalogue: catalogue to count with.

    Returns:
        Run -> key of a cell -> value, without zeros.
    """
    database = duckdb.connect()
    known = {taxonomy.code: taxonomy for taxonomy in catalogue.taxonomies}
    _load_units(database, catalogue.units)
    _load_taxonomies(database, known.values())
    _load_claims(database, log, Judge(catalogue))
    database.execute(sql.COUNTED)
    database.execute(sql.ALONE)
    cells: dict[int, dict[CellKey, int]] = {}
    said = {name for (name,) in database.execute(sql.TYPES).fetchall()}
    for name, component, cut in components(catalogue.indicators):
        # To plan a statement takes longer than to run it, where a log has few claims.
        if component.type not in (said | {"any"} if said else said):
            continue
        for row in database.execute(sql.component(component, cut, known)).fetchall():
            run, measure, unit, month, member, value = row
            key = (unit, month, f"{name}:{measure}", member)
            cells.setdefault(run, {})[key] = int(value)
    database.close()
    return cells


def components(
    indicators: Iterable[catalogue_pb2.Indicator],
) -> Iterator[tuple[str, catalogue_pb2.Component, str]]:
    """Yield what the oracle has to count: (name of a column without measure, component, cut).

    The cut is empty for the whole. Equal components are yielded once, under the name of the first,
    as in the catalogue.
    """
    seen: set[tuple[bytes, str]] = set()
    for indicator in indicators:
        for name, field in (
            (indicator.code, "value"),
            (f"{indicator.code}/denominator", "denominator"),
        ):
            if not indicator.HasField(field):  # type: ignore[arg-type]
                continue
            component = getattr(indicator, field)
            identity = _identity(component)
            for cut in ("", *indicator.cuts):
                if (identity, cut) not in seen:
                    seen.add((identity, cut))
                    yield f"{name}/by-{cut}" if cut else name, component, cut


def _identity(component: catalogue_pb2.Component) -> bytes:
    """Return bytes that are equal for components that count alike, however they are written."""
    plain = catalogue_pb2.Component()
    plain.CopyFrom(component)
    plain.per = plain.per or 1
    for condition in plain.where:
        if condition.WhichOneof("test") in ("any_of", "none_of"):
            values = getattr(condition, str(condition.WhichOneof("test"))).values
            values[:] = sorted(set(values))
    return plain.SerializeToString(deterministic=True)


def _load_units(database: duckdb.DuckDBPyConnection, units: Iterable[directory_pb2.Unit]) -> None:
    parent = {unit.unit_id: unit.parent_id for unit in units}
    kinds = {unit.unit_id: unit.kind for unit in units}
    closure = []
    for unit in parent:
        above = unit
        path = []
        while above:
            path.append(above)
            above = parent[above]
        institution = next(
            (u for u in path if kinds[u] == directory_pb2.UNIT_KIND_INSTITUTION), None
        )
        closure += [(unit, each, institution) for each in path]
    database.execute("CREATE TABLE closure (unit VARCHAR, above VARCHAR, institution VARCHAR)")
    database.executemany("INSERT INTO closure VALUES (?, ?, ?)", closure)


def _load_taxonomies(
    database: duckdb.DuckDBPyConnection, taxonomies: Iterable[catalogue_pb2.Taxonomy]
) -> None:
    database.execute(sql.TAXONOMY_TABLES)
    terms, links = list[tuple[str, ...]](), list[tuple[str, ...]]()
    for taxonomy in taxonomies:
        for term in taxonomy.terms:
            ends = (term.valid_from, term.valid_to or sql.NO_END)
            terms.append((taxonomy.code, term.code, *ends))
        for link in taxonomy.links:
            ends = (link.valid_from, link.valid_to or sql.NO_END)
            links.append((taxonomy.code, getattr(link, "from"), link.to, *ends))
    if terms:
        database.executemany("INSERT INTO terms VALUES (?, ?, ?, ?)", terms)
    if links:
        database.executemany("INSERT INTO links VALUES (?, ?, ?, ?, ?)", links)


def _load_claims(
    database: duckdb.DuckDBPyConnection, log: Iterable[LogRecord], judge: Judge
) -> None:
    newest: dict[tuple[int, str, tuple[str, str]], events_pb2.SubmissionChanged] = {}
    for record in log:
        event = judge.event(record.value)
        if event is None:
            continue
        key = (record.run, event.work_key, _submission(event))
        if key not in newest or newest[key].version < event.version:
            newest[key] = event
    rows = [
        _claim_row(run, event, measure, getattr(event, measure))
        for (run, _, _), event in newest.items()
        for measure in CLAIMS
        if event.HasField(measure)
    ]
    names = "run, work, sub, owner, measure, unit, is_lead, share, since, rank, type, facts"
    lines = "\n".join(json.dumps(dict(zip(names.split(", "), row, strict=True))) for row in rows)
    database.execute(sql.CLAIMS_TABLE)
    if rows:
        database.execute(sql.LOAD_CLAIMS, [f"[{','.join(lines.splitlines())}]"])


def _submission(event: events_pb2.SubmissionChanged) -> tuple[str, str]:
    """Return a name of the event's submission that is unique across institutions, as sort key.

    Older ids are unique only within their institution. The first part begins with the time at which
    the submission was created; the second is the institution, with the dot that ends it in ids.
    """
    return event.submission_id.rsplit(".", 1)[-1], f"{event.institution_id}."


def _claim_row(
    run: int, event: events_pb2.SubmissionChanged, measure: str, claim: events_pb2.Claim
) -> tuple[object, ...]:
    kind = claim.facts.WhichOneof("kind")
    message = getattr(claim.facts, str(kind))
    facts = MessageToDict(message, preserving_proto_field_name=True)
    facts.update((name, fact) for name, fact in _beside(event, claim, message) if fact)
    return (
        run,
        event.work_key,
        *_submission(event),
        measure,
        claim.unit_id,
        claim.part == submission_pb2.PART_LEAD,
        claim.share_ppm,
        _verified_since(event),
        claim.source or submission_pb2.SOURCE_DECLARED,
        kind,
        facts,
    )


def _verified_since(event: events_pb2.SubmissionChanged) -> int:
    """Return when the submission was first verified, in ms since 1970; the maximum if never."""
    said = [t for t in ("verified_at", "changed_at") if event.HasField(t)]
    if not (said and event.HasField("verified")):
        return 2**63 - 1
    time = getattr(event, said[0])
    return int(time.seconds * 1000 + time.nanos // 10**6)


def _beside(
    event: events_pb2.SubmissionChanged, claim: events_pb2.Claim, message: Any
) -> Iterator[tuple[str, object]]:
    """Yield (name, value) of the facts of a claim that are not fields of its type."""
    yield "happened_on", getattr(message, happened(str(claim.facts.WhichOneof("kind"))))
    day = ""
    if event.HasField("changed_at"):
        hanoi = datetime.timedelta(hours=7, seconds=event.changed_at.seconds)
        day = (datetime.datetime(1970, 1, 1) + hanoi).date().isoformat()
    yield "reported_on", event.reported_on or day
    yield "evidence", len(set(claim.evidence_sha256))
