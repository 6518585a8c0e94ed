"""`kieng status`: shows the local stack on one screen: processes, lag, age of numbers, rates."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from services.cli.admin.probes import http_probe
from services.cli.admin.processes import Usage, usage_of
from services.cli.admin.scrapes import Scrape, scrape
from services.cli.client.stack import Process, Stack
from services.cli.errors import DOWN, NO, worst
from services.cli.session import Session, with_session
from services.cli.terminal import status_tables as tables
from services.cli.terminal.screen import Screen

INTERVAL_SECONDS = 2.0
RATE_SECONDS = 1.0
"""Time between the two looks from which rates are computed."""


@dataclass(frozen=True)
class Look:
    """The state of a stack at one moment, ``at`` in Unix seconds.

    All maps have names of processes as keys: ``scrapes`` maps to metrics, ``usage`` to what the
    process uses (None if it is down), and ``unready`` to the reason why it is not ready (empty if
    it is).
    """

    at: float
    scrapes: Mapping[str, Scrape] = field(default_factory=dict)
    usage: Mapping[str, Usage | None] = field(default_factory=dict)
    unready: Mapping[str, str] = field(default_factory=dict)


def look(stack: Stack) -> Look:
    """Return the present state of every process of a stack, all read at about the same time.

    Of a process that does not answer, `scrapes` has no samples, and `unready` has the reason.
    """
    served = {name: each for name, each in stack.processes.items() if each.http}
    with ThreadPoolExecutor(max_workers=max(1, len(served))) as pool:
        scrapes = pool.map(lambda each: scrape(each.http), served.values())
        unready = pool.map(lambda each: http_probe(each.http, "/readyz")(), served.values())
        found = dict(zip(served, scrapes, strict=True))
        reasons = dict(zip(served, unready, strict=True))
    usage = {name: usage_of(process.pid) for name, process in stack.processes.items()}
    return Look(time.time(), found, usage, reasons)


def figures(stack: Stack, before: Look, now: Look) -> dict[str, Any]:
    """Return the figures that the command shows, as the JSON object that `--output json` prints.

    These are an object per process and per reader of the log (`processes`, `lag`), the age of the
    numbers, what waits, and `rates` per second. `exit_code` is 0 if all processes are ready, and
    `ok` then true.

    Args:
        stack: the stack.
        before: an earlier look, from which rates are computed.
        now: the present look.
    """
    rows = [_process(name, each, before, now) for name, each in stack.processes.items()]
    query = now.scrapes.get("kpi.query", Scrape())
    exporter = now.scrapes.get("exporter", Scrape())
    lags = [
        {
            "group": sample.labels["group"],
            "topic": sample.labels["topic"],
            "partition": int(sample.labels["partition"]),
            "records": int(sample.value),
            "seconds": exporter.highest("kieng_lag_seconds", **sample.labels),
        }
        for sample in exporter.of("kieng_lag_records")
    ]
    code = worst(DOWN if row["state"] == "down" else NO * (row["state"] != "ready") for row in rows)
    return {
        "ok": not code,
        "exit_code": code,
        "processes": rows,
        "lag": sorted(lags, key=lambda each: (each["group"], each["topic"], each["partition"])),
        "age_seconds": query.highest("kieng_view_age_seconds"),
        "parked": int(query.highest("kieng_kpi_parked") or 0),
        "dismissed": int(query.highest("kieng_kpi_parked_dismissed") or 0),
        "log_diverged": bool(query.highest("kieng_log_diverged")),
        "waiting_for_review": int(_waiting(now)),
        "outbox": int(_sum(now, "submissions", "kieng_submissions_outbox_pending")),
        "rates": {
            "calls": _rate(before, now, "grpc_server_handled_total"),
            "published": _rate(before, now, "kieng_submissions_events_published_total"),
            "folded": _rate(before, now, "kieng_kpi_records_folded_total"),
        },
    }


def _process(name: str, process: Process, before: Look, now: Look) -> dict[str, Any]:
    usage, earlier = now.usage.get(name), before.usage.get(name)
    share = None
    if usage and earlier and now.at > before.at and usage.started_at == earlier.started_at:
        share = round((usage.cpu_seconds - earlier.cpu_seconds) / (now.at - before.at), 3)
    up = {"broker": "kieng_broker_up", "database": "kieng_database_up"}.get(name)
    reason = now.unready.get(name, "")
    if up and now.scrapes.get("exporter", Scrape()).highest(up) == 0:
        reason = "the exporter cannot reach it"
    state = "down" if usage is None else "unready" if reason else "ready"
    return {
        "name": name,
        "state": state,
        "reason": reason,
        "pid": process.pid,
        "up_seconds": round(now.at - usage.started_at) if usage else None,
        "cpu": share,
        "memory_bytes": usage.memory_bytes if usage else None,
    }


def _sum(now: Look, name: str, metric: str, **labels: str) -> float:
    return now.scrapes.get(name, Scrape()).total(metric, **labels)


def _waiting(now: Look) -> float:
    states = ("submitted", "unit_approved")
    return sum(_sum(now, "submissions", "kieng_submissions", state=state) for state in states)


def _rate(before: Look, now: Look, metric: str) -> float:
    """Return the increase per second over all processes; restarted processes do not count."""
    seconds = now.at - before.at
    grown = (
        max(0.0, each.total(metric) - before.scrapes[name].total(metric))
        for name, each in now.scrapes.items()
        if name in before.scrapes
    )
    return round(sum(grown) / seconds, 1) if seconds > 0 else 0.0


@with_session()
def status(
    session: Session,
    watch: Annotated[
        bool | None,
        typer.Option("--watch/--once", help="Update until Ctrl-C (default: on a terminal)."),
    ] = None,
) -> None:
    """Show the local stack on one screen: processes, lag, age of the numbers, and rates.

    Exit code 3 if a process is down, 1 if one is not ready.

    Example: kieng status --once --output json
    """
    stack, screen = session.stack, session.screen
    stack.need_named()
    is_terminal = screen.answers.is_terminal and not screen.is_json
    if is_terminal if watch is None else watch:
        _watch(session, screen, is_terminal)
        return
    before = look(stack)
    time.sleep(RATE_SECONDS)
    found = figures(stack, before, look(stack))
    screen.answer(found, partial(show, screen, found))
    raise typer.Exit(found["exit_code"])


def _watch(session: Session, screen: Screen, is_terminal: bool) -> None:
    """Print the state every few seconds until Ctrl-C; on a terminal each replaces the last one."""
    stack = session.stack
    before = look(stack)
    if not is_terminal:
        while True:
            time.sleep(INTERVAL_SECONDS)
            now = look(stack)
            found = figures(stack, before, now)
            if screen.is_json:
                screen.json_line(found)
            else:
                screen.answer(found, partial(show, screen, found))
            sys.stdout.flush()
            before = now
    with Live(console=screen.answers, auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(RATE_SECONDS)
            now = look(stack)
            live.update(show(screen, figures(stack, before, now)), refresh=True)
            before = now


def show(screen: Screen, found: Mapping[str, Any]) -> RenderableType:
    """Return the figures as tables of processes and lags, followed by a few lines.

    ``found`` are the figures as `figures` returns them.
    """
    return Group(
        tables.processes(screen, found["processes"]),
        tables.lags(screen, found["lag"]),
        tables.summary(screen, found),
    )
