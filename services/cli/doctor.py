"""`kieng doctor`: is everything here and well, and if not, what mends it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import pymongo
import typer
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kafka.errors import KafkaError
from pymongo.errors import PyMongoError
from rich.console import RenderableType

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli import broker, embedded, options, topics
from services.cli.clients import Clients, Credential
from services.cli.failures import DOWN, NO, CallFailed, Failure, trouble_of_call, worst
from services.cli.issuer import CONSORTIUM
from services.cli.launch import SERVICES, WITHOUT_GRPC, http_probe
from services.cli.render import view_json
from services.cli.screen import Screen
from services.cli.stack import Stack, find

PROBE_SECONDS = 3.0
UP = "kieng up"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `exit_code` is 0 when it is well."""

    check: str
    exit_code: int
    detail: str
    remedy: str = ""


def doctor(
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Look at everything a stack needs; exit code 1 when something is wrong, 3 when it is down.

    Example: kieng doctor --output json
    """
    screen = Screen(output, lang)
    stack = find(data)
    checks: tuple[Callable[[Stack], Iterator[Finding]], ...] = (
        check_broker,
        check_database,
        check_issuers,
        check_services,
        check_view,
    )
    findings = [finding for check in checks for finding in check(stack)]
    code = worst(finding.exit_code for finding in findings)
    rows = [{**asdict(finding), "ok": not finding.exit_code} for finding in findings]
    screen.answer({"ok": code == 0, "checks": rows}, lambda: show(screen, findings))
    raise typer.Exit(code)


def show(screen: Screen, findings: list[Finding]) -> RenderableType:
    """Return the findings as people read them."""
    table = screen.table("check", "state", "detail", "remedy")
    for finding in findings:
        key, style = {0: ("ok", "green"), NO: ("wrong", "yellow")}.get(
            finding.exit_code, ("down", "bold red")
        )
        state = f"[{style}]{screen.text(f'doctor.{key}')}[/]"
        table.add_row(finding.check, state, finding.detail, finding.remedy)
    return table


def check_broker(stack: Stack) -> Iterator[Finding]:
    """Look at the broker and its topics."""
    if not stack.broker:
        yield Finding("broker", DOWN, "no address", f"{UP}, or set KIENG_KAFKA_BOOTSTRAP")
        return
    if reason := embedded.kafka_unready(stack.broker):
        yield Finding("broker", DOWN, reason, UP)
        return
    yield Finding("broker", 0, f"{stack.broker} ({stack.broker_kind or 'external'})")
    admin = broker.admin(stack.broker)
    remedy = f"kieng topics apply --kafka {stack.broker}"
    try:
        differences = topics.plan(admin, topics.load())
    except KafkaError as error:
        yield Finding("topics", DOWN, str(error), remedy)
        return
    finally:
        admin.close()
    # The embedded broker reports no settings, so they cannot be compared there.
    seen = [d for d in differences if d.aspect == "topic" or d.found]
    if seen:
        yield Finding("topics", NO, "; ".join(map(str, seen)), remedy)
    else:
        yield Finding("topics", 0, "as in the table")


def check_database(stack: Stack) -> Iterator[Finding]:
    """Look at the database: it must be a replica set that acknowledges by majority."""
    if not stack.mongo:
        yield Finding("database", DOWN, "no address", f"{UP}, or set KIENG_MONGO_URI")
        return
    if reason := embedded.mongo_unready(stack.mongo):
        yield Finding("database", DOWN, reason, UP)
        return
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        stack.mongo, serverSelectionTimeoutMS=3000, w="majority", journal=True
    )
    with client:
        try:
            name = client.admin.command("hello").get("setName")
            if not name:
                text = "not a replica set: it has no transactions"
                yield Finding("database", NO, text, "start mongod with --replSet and rs.initiate()")
                return
            # Creates nothing: a majority write that matches no document.
            client["kieng_doctor"]["probe"].update_one({"_id": 0}, {"$set": {"seen": 1}})
        except PyMongoError as error:
            yield Finding("database", DOWN, str(error)[:300], UP)
            return
    yield Finding("database", 0, f"replica set {name}, majority writes")


def check_issuers(stack: Stack) -> Iterator[Finding]:
    """Look at the table of issuers of a local stack."""
    if stack.issuers_file.exists():
        yield Finding("issuers", 0, str(stack.issuers_file))
    elif stack.processes:
        yield Finding("issuers", NO, f"{stack.issuers_file} is missing", UP)


def check_services(stack: Stack) -> Iterator[Finding]:
    """Ask every service for its health."""
    addresses = {name: process.grpc for name, process in stack.processes.items() if process.grpc}
    yield from _check_without_grpc(stack)
    for name in addresses or [name for name in SERVICES if name not in WITHOUT_GRPC]:
        try:
            address = addresses.get(name) or stack.address(name.partition(".")[0])
        except Failure as failure:
            yield Finding(name, DOWN, failure.message, UP)
            continue
        reason = grpc_state(address, PROBE_SECONDS)
        hint = _log_hint(stack, name) if reason else ""
        yield Finding(name, DOWN if reason else 0, reason or f"{address}: SERVING", hint)


def grpc_state(address: str, seconds: float) -> str:
    """Say why a service does not serve calls; empty when its health check says that it does."""
    try:
        with grpc.insecure_channel(address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            status = stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds).status
    except grpc.RpcError as error:
        return f"{address}: {trouble_of_call(error)}"
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
    return "" if state == "SERVING" else f"{address}: {state}"


def _check_without_grpc(stack: Stack) -> Iterator[Finding]:
    """Ask the services that open no port for calls over HTTP."""
    for name, process in stack.processes.items():
        if process.http and not process.grpc:
            reason = http_probe(process.http, "/readyz")()
            hint = _log_hint(stack, name) if reason else ""
            detail = reason or f"{process.http}: ready"
            yield Finding(name, DOWN if reason else 0, detail, hint)


def _log_hint(stack: Stack, name: str) -> str:
    process = stack.processes.get(name)
    return f"look into {process.log}" if process else UP


def check_view(stack: Stack) -> Iterator[Finding]:
    """Look at the live view: its state, age, parked records, and the log it reads."""
    credential = Credential(stack, CONSORTIUM, ("operator", "viewer"))
    month = datetime.now(UTC).strftime("%Y-%m")
    selection = view_pb2.Selection(unit_ids=[CONSORTIUM], from_month=month, to_month=month)
    asked: Message = kpi_service_pb2.GetKpisRequest(selection=selection)
    try:
        with Clients(stack, credential) as clients:
            stub = clients.stub(CatalogueServiceStub)
            views = stub.ListViews(catalogue_service_pb2.ListViewsRequest()).views
            answer = clients.stub(KpiServiceStub).GetKpis(asked)
    except CallFailed as failed:
        yield Finding("view", failed.exit_code, failed.message, f"{UP} (a catalogue is needed)")
        return
    except Failure as failure:
        yield Finding("view", failure.exit_code, failure.message)
        return
    view = view_json(answer.view, datetime.now(UTC))
    age = "no event yet" if view["age_seconds"] is None else f"age {view['age_seconds']:.0f} s"
    yield Finding("view", 0, f"{view['view_id']}, {age}, digest {view['digest'][:12]}")
    yield from _check_log(answer.view.log_trouble, views)
    parked = answer.view.parked
    hint = "kieng parked list; then kieng parked repair SUBMISSION_ID" if parked else ""
    yield Finding("parked", NO if parked else 0, f"{parked} records set aside", hint)


def _check_log(trouble: str, views: Sequence[catalogue_service_pb2.View]) -> Iterator[Finding]:
    """Tell whether the log is the one that was folded, and whether the newest view has read it."""
    kinds = catalogue_service_pb2.View
    # A view that is built beside the live one (it has a phase) is nothing to mend.
    waiting = [v for v in views if v.state == kinds.STATE_BUILDING and not v.phase]
    live = [view for view in views if view.state == kinds.STATE_LIVE]
    if trouble:
        reason, _, remedy = trouble.rpartition("; ")
        hint = remedy.rpartition("run")[2].strip(" s`")
        yield Finding("log", NO, reason, hint)
    elif waiting:
        waits = ", ".join(waiting[0].waiting_for) or "records"
        yield Finding("log", NO, f"{waiting[0].view_id} is being built and waits for {waits}", UP)
    elif live:
        yield Finding("log", 0, f"generation {live[0].generation}")
