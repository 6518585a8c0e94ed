"""What one would do instead: recompute everything in DuckDB, or refresh views of PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kieng.submissions.v1 import events_pb2
from services.cli.local.ports import free_ports
from services.kpi.oracle.recompute import LogRecord, recompute
from tests.benchmark.figures import Figure
from tests.benchmark.generator import DATES, Generator, units
from tests.benchmark.machine import catalogue

RECOMPUTE_EVENTS_MAX = 300_000
POSTGRES_USER = "nobody"
"""PostgreSQL refuses to run as root."""


class Missing(Exception):
    """A peer cannot run on this machine; says why."""


def duckdb(events: int) -> list[Figure]:
    """Recompute every cell from the log, as a dashboard does that knows no increments."""
    events = min(events, RECOMPUTE_EVENTS_MAX)
    log = [LogRecord(0, record.value) for record in Generator().records(events)]
    began = time.perf_counter()
    cells = recompute(log, catalogue())[0]
    wall = time.perf_counter() - began
    how = {"cells": len(cells), "": "all indicators, newest claims picked in Python"}
    return [
        Figure("DuckDB: full recompute", wall, "s per change of one number", events, how),
        Figure("DuckDB: full recompute, rate", events / wall, "events/s", events),
    ]


SCHEMA = """
CREATE TABLE closure (unit text, above text);
CREATE TABLE log (work text, submission text, version bigint, measure text, unit text, type text,
    month text);
"""
VIEW = """
CREATE MATERIALIZED VIEW kpi AS
WITH newest AS (
    SELECT DISTINCT ON (work, submission, measure) *
    FROM log ORDER BY work, submission, measure, version DESC
)
SELECT above, type, measure, month, count(DISTINCT work) AS works
FROM newest JOIN closure USING (unit) WHERE unit <> ''
GROUP BY above, type, measure, month;
"""
READ = """
EXPLAIN ANALYZE SELECT above, type, sum(works) FROM kpi
WHERE above LIKE 'vnu/s03%' AND measure = 'verified' GROUP BY 1, 2;
"""


def postgres(events: int) -> list[Figure]:
    """Refresh a materialized view of whole counts at all levels; no shares, sums or stocks."""
    with _server() as (folder, psql):
        psql(SCHEMA)
        _copy(psql, folder, "closure", _closure())
        _copy(psql, folder, "log", _log(events))
        began = time.perf_counter()
        psql(VIEW)
        first = time.perf_counter() - began
        psql("ANALYZE; INSERT INTO log SELECT * FROM log LIMIT 1;")
        began = time.perf_counter()
        psql("REFRESH MATERIALIZED VIEW kpi;")
        refresh = time.perf_counter() - began
        told = psql(READ)
    took = next(line for line in told.splitlines() if "Execution Time" in line)
    how = {"": "whole counts only"}
    return [
        Figure("PostgreSQL: first computation", first, "s", events, how),
        Figure("PostgreSQL: refresh", refresh, "s per change of one number", events, how),
        Figure("PostgreSQL: refresh, rate", events / refresh, "events/s", events, how),
        Figure("PostgreSQL: read of a subtree", float(took.split()[2]), "ms", 1, how),
    ]


@contextmanager
def _server():  # type: ignore[no-untyped-def]
    """Run a server on a socket of its own; hand out its folder and a function that runs SQL."""
    programs = {name: shutil.which(name) for name in ("initdb", "postgres", "psql")}
    if absent := [name for name, path in programs.items() if path is None]:
        raise Missing(f"PostgreSQL is not installed: no {', '.join(absent)} on PATH")
    user = POSTGRES_USER if os.geteuid() == 0 else None
    (port,) = free_ports(1)
    folder = Path(tempfile.mkdtemp(prefix="kieng-postgres-"))
    if user:
        shutil.chown(folder, user)

    def run(*argv: str, text: str = "") -> str:
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, user=user, cwd=folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{argv[0]}: {done.stderr[-500:]}")
        return done.stdout

    def psql(sql: str) -> str:
        where = ("-h", str(folder), "-p", str(port), "-U", "kieng", "-d", "postgres")
        return run("psql", *where, "-v", "ON_ERROR_STOP=1", "-Atq", text=sql)

    try:
        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "kieng", "-A", "trust", "-E", "UTF8", "--no-sync")
        argv = ["postgres", "-D", data, "-k", str(folder), "-p", str(port), "-h", ""]
        server = subprocess.Popen(
            [*argv, "-c", "shared_buffers=512MB", "-c", "work_mem=256MB"],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(server, lambda: psql("SELECT 1"))
            yield folder, psql
        finally:
            server.terminate()
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(server: subprocess.Popen[bytes], ask: object) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            ask()  # type: ignore[operator]
            return
        except RuntimeError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            signal.sigtimedwait([signal.SIGUSR2], 0.1)


def _copy(psql: object, folder: Path, table: str, rows: Iterator[tuple[str, ...]]) -> None:
    path = folder / f"{table}.tsv"
    with path.open("w") as file:
        file.writelines("\t".join(row) + "\n" for row in rows)
    path.chmod(0o644)
    psql(f"\\copy {table} from '{path}'\n")  # type: ignore[operator]


def _closure() -> Iterator[tuple[str, ...]]:
    parent = {unit.unit_id: unit.parent_id for unit in units()}
    for unit in parent:
        above = unit
        while above:
            yield unit, above
            above = parent[above]


def _log(events: int) -> Iterator[tuple[str, ...]]:
    for record in Generator().records(events):
        event = events_pb2.SubmissionChanged.FromString(record.value)
        for measure in ("declared", "verified"):
            claim = getattr(event, measure)
            kind = str(claim.facts.WhichOneof("kind") or "")
            date = getattr(getattr(claim.facts, kind), DATES[kind][0]) if kind else ""
            named = (event.work_key, event.submission_id, str(event.version), measure)
            yield (*named, claim.unit_id, kind, date[:7])
