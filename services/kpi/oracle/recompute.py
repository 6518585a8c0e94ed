"""Recomputes every cell of a view from the log with DuckDB: no fold and no roll-up.

It shares nothing with the fold but the generated messages. Logs of many runs are recomputed at
once, so that a simulation can compare thousands of schedules cheaply.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb
from google.protobuf.json_format import MessageToDict

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kpi.oracle import sql

CellKey = tuple[str, str, str, str]
"""Unit, month `YYYY-MM`, column, member."""


@dataclass(frozen=True)
class LogRecord:
    """One `SubmissionChanged` of one run; order does not matter to the oracle."""

    run: int
    value: bytes


def recompute(
    log: Iterable[LogRecord],
    indicators: Iterable[catalogue_pb2.Indicator],
    units: Iterable[directory_pb2.Unit],
) -> dict[int, dict[CellKey, int]]:
    """Return run -> every cell that is not zero."""
    database = duckdb.connect()
    _load_units(database, units)
    _load_claims(database, log)
    database.execute(sql.COUNTED)
    cells: dict[int, dict[CellKey, int]] = {}
    for name, component in components(indicators):
        for row in database.execute(sql.component(component)).fetchall():
            run, measure, unit, month, member, value = row
            key = (unit, month, f"{name}:{measure}", member)
            cells.setdefault(run, {})[key] = int(value)
    database.close()
    return cells


def components(
    indicators: Iterable[catalogue_pb2.Indicator],
) -> Iterator[tuple[str, catalogue_pb2.Component]]:
    """Name each component once; equal ones carry the name of the first."""
    seen: set[bytes] = set()
    for indicator in indicators:
        for name, field in (
            (indicator.code, "value"),
            (f"{indicator.code}/denominator", "denominator"),
        ):
            if not indicator.HasField(field):  # type: ignore[arg-type]
                continue
            component = getattr(indicator, field)
            identity = component.SerializeToString(deterministic=True)
            if identity not in seen:
                seen.add(identity)
                yield name, component


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


def _load_claims(database: duckdb.DuckDBPyConnection, log: Iterable[LogRecord]) -> None:
    newest: dict[tuple[int, str, str], events_pb2.SubmissionChanged] = {}
    for record in log:
        event = events_pb2.SubmissionChanged.FromString(record.value)
        key = (record.run, event.work_key, event.submission_id)
        if key not in newest or newest[key].version < event.version:
            newest[key] = event
    rows = [
        _claim_row(run, event, measure, getattr(event, measure))
        for (run, _, _), event in newest.items()
        for measure in ("declared", "verified")
        if event.HasField(measure)
    ]
    names = "run, work, sub, measure, unit, is_lead, share, rank, type, facts"
    lines = "\n".join(json.dumps(dict(zip(names.split(", "), row, strict=True))) for row in rows)
    database.execute(sql.CLAIMS_TABLE)
    if rows:
        database.execute(sql.LOAD_CLAIMS, [f"[{','.join(lines.splitlines())}]"])


def _claim_row(
    run: int, event: events_pb2.SubmissionChanged, measure: str, claim: events_pb2.Claim
) -> tuple[object, ...]:
    kind = claim.facts.WhichOneof("kind")
    facts = MessageToDict(getattr(claim.facts, str(kind)), preserving_proto_field_name=True)
    return (
        run,
        event.work_key,
        event.submission_id,
        measure,
        claim.unit_id,
        claim.part == submission_pb2.PART_LEAD,
        claim.share_ppm,
        claim.source or submission_pb2.SOURCE_DECLARED,
        kind,
        facts,
    )
