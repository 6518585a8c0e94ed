"""Checks the services and the live view: health, log, partitions, lag and parked records."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.admin import broker, log_offsets, log_partitions, probes
from services.cli.checks import partitions
from services.cli.checks.findings import UP, Finding
from services.cli.client.clients import Clients, Credential, NoCredential
from services.cli.client.stack import CONSORTIUM, SERVICES, WITHOUT_GRPC, Stack
from services.cli.client.troubles import CallFailed
from services.cli.errors import DOWN, NO, Failure
from services.cli.terminal.render import view_json

PROBE_SECONDS = 3.0
LOOK_MS = 500
STUCK_SECONDS = 5.0
ROLES = ("operator", "viewer")
LOOK = "curl -s http://HOST:HTTP_PORT/readyz"


def check_services(stack: Stack) -> Iterator[Finding]:
    """Yield a finding for each service: whether it is healthy over gRPC, or over HTTP without it.

    A service without a gRPC port whose HTTP port is unknown counts as healthy, and the detail says
    that it was not checked.
    """
    addresses = {name: process.grpc for name, process in stack.processes.items() if process.grpc}
    yield from _check_without_grpc(stack)
    for name in addresses or [name for name in SERVICES if name not in WITHOUT_GRPC]:
        try:
            address = addresses.get(name) or stack.address(name.partition(".")[0])
        except Failure as failure:
            variable = f"KIENG_{name.partition('.')[0].upper()}_ADDRESS"
            remedy = UP if stack.processes else f"set {variable}=host:port"
            yield Finding(name, DOWN, failure.message, remedy)
            continue
        reason = probes.grpc_state(stack, address, PROBE_SECONDS)
        hint = _log_hint(stack, name) if reason else ""
        yield Finding(name, DOWN if reason else 0, reason or f"{address}: SERVING", hint)


def _check_without_grpc(stack: Stack) -> Iterator[Finding]:
    """Check the services without a gRPC port by their HTTP readiness."""
    if not stack.processes:
        # E.g. in a pod, where only gRPC addresses are known.
        for name in sorted(WITHOUT_GRPC):
            text = "not looked at: it answers no calls, and nobody said where its HTTP port is"
            yield Finding(name, 0, text, f"{LOOK} (on Kubernetes: kubectl get pods)")
    for name, process in stack.processes.items():
        if process.http and not process.grpc:
            reason = probes.http_probe(process.http, "/readyz")()
            hint = _log_hint(stack, name) if reason else ""
            detail = reason or f"{process.http}: ready"
            yield Finding(name, DOWN if reason else 0, detail, hint)


def _log_hint(stack: Stack, name: str) -> str:
    process = stack.processes.get(name)
    return f"look into {process.log}" if process else f"look into the log of {name}"


def check_view(stack: Stack) -> Iterator[Finding]:
    """Check the live view: its age, the log it reads, its lag and its parked records.

    Healthy findings are yielded, too. If the view cannot be read, there is only one finding, which
    is healthy if nothing but a token is missing.
    """
    try:
        with Clients(stack, Credential(stack, CONSORTIUM, ROLES)) as clients:
            stub = clients.stub(CatalogueServiceStub)
            views = stub.ListViews(catalogue_service_pb2.ListViewsRequest()).views
            found = live_view(clients)
    except CallFailed as failed:
        yield Finding("view", failed.exit_code, failed.message, f"{UP} (a catalogue is needed)")
        return
    except NoCredential as failure:
        # Without a token, e.g. in a pod, the other checks still work.
        yield Finding("view", 0, f"not looked at: {failure.message}", "set KIENG_TOKEN")
        return
    except Failure as failure:
        is_down = failure.exit_code == DOWN
        code, remedy = (DOWN, UP) if is_down else (NO, "kieng config check")
        yield Finding("view", code, f"not looked at: {failure.message}", remedy)
        return
    view = view_json(found, datetime.now(UTC))
    age = "no event yet" if view["age_seconds"] is None else f"age {view['age_seconds']:.0f} s"
    yield Finding("view", 0, f"{view['view_id']}, {age}, digest {view['digest'][:12]}")
    yield from _check_log(found.log_trouble, views)
    if not found.log_trouble:
        yield from _check_partitions(stack, views)
        yield check_lag(stack, found)
    yield _check_parked(found.parked, found.dismissed)


def _check_parked(parked: int, dismissed: int) -> Finding:
    """Check that no record is parked; those that an operator dismissed do not count."""
    detail = f"{parked} records set aside" + (f", {dismissed} dismissed" if dismissed else "")
    remedies = "kieng parked repair SUBMISSION_ID, or kieng parked dismiss PARTITION:OFFSET"
    hint = f"kieng parked list; then {remedies}" if parked else ""
    return Finding("parked", NO if parked else 0, detail, hint)


def _check_log(trouble: str, views: Sequence[catalogue_service_pb2.View]) -> Iterator[Finding]:
    """Check that the view was built from the present log, and that no new view waits for it.

    ``trouble`` is the problem that the view reports; empty if there is none.
    """
    kinds = catalogue_service_pb2.View
    # A blue/green rebuild, i.e. a view that has a phase, is not a problem.
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


def _check_partitions(
    stack: Stack, views: Sequence[catalogue_service_pb2.View]
) -> Iterator[Finding]:
    """Check the number of partitions, in case the aggregator has not noticed a change yet."""
    try:
        with closing(broker.admin(stack.broker)) as admin:
            here = log_partitions.count(admin)
    except KafkaError:
        return  # reported by the check of the broker
    if wrong := partitions.mismatch(here, partitions.made_of(views)):
        yield Finding("partitions", NO, wrong, partitions.remedy(here))


def check_lag(stack: Stack, view: view_pb2.ViewInfo) -> Finding:
    """Return whether the view has read all records, or reads the rest within `STUCK_SECONDS`.

    The finding is `NO` if it does not, and `DOWN` if broker or service do not answer. Unread
    records are found by reading the log, because the embedded broker reports too small an end
    offset.
    """
    deadline = time.monotonic() + STUCK_SECONDS
    wanted = {p.partition: p.next_offset for p in view.progress}
    try:
        waiting = unread(stack.broker, wanted)
        oldest = min((record.timestamp for record in waiting), default=0) / 1000
        with Clients(stack, Credential(stack, CONSORTIUM, ROLES)) as clients:
            while waiting and time.monotonic() < deadline:
                now = {p.partition: p.next_offset for p in live_view(clients).progress}
                if all(now.get(r.partition, 0) > r.offset for r in waiting):
                    return Finding("lag", 0, "the view moves on")
                time.sleep(0.2)
    except (KafkaError, Failure) as error:
        return Finding(
            "lag", DOWN, f"not known: {error}", "kieng doctor, when broker and kpi are up"
        )
    if not waiting:
        return Finding("lag", 0, "the view has read the whole log")
    age = max(0.0, time.time() - oldest)
    text = f"at least {len(waiting)} records are not counted, the oldest for {age:.0f} s"
    return Finding("lag", NO, text, _log_hint(stack, "kpi.aggregator"))


def live_view(clients: Clients) -> view_pb2.ViewInfo:
    """Return id, progress, digest and state of the live view, as the KPI service reports them.

    Raises:
        Failure: there is no credential, or the address of the service is not known.
        CallFailed: the service refused the call or did not answer.
    """
    month = datetime.now(UTC).strftime("%Y-%m")
    selection = view_pb2.Selection(unit_ids=[CONSORTIUM], from_month=month, to_month=month)
    asked: Message = kpi_service_pb2.GetKpisRequest(selection=selection)
    view: view_pb2.ViewInfo = clients.stub(KpiServiceStub).GetKpis(asked).view
    return view


def unread(bootstrap: str, position: dict[int, int]) -> list[Any]:
    """Return some of the submissions log's records from a position on; empty if there are none.

    These are the records that the broker sends within half a second, not necessarily all.

    Args:
        bootstrap: address of the broker.
        position: number of a partition -> offset of the first record to read; a partition that is
            not in the map is read from its beginning.

    Raises:
        KafkaError: the broker does not answer.
    """
    options = {**broker.options(bootstrap), "auto_offset_reset": "latest"}
    consumer = KafkaConsumer(**options, enable_auto_commit=False, allow_auto_create_topics=False)
    with closing(consumer):
        numbers = sorted(consumer.partitions_for_topic(log_offsets.TOPIC) or ())
        partitions = [TopicPartition(log_offsets.TOPIC, number) for number in numbers]
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, position.get(partition.partition, 0))
        polled = consumer.poll(timeout_ms=LOOK_MS) if partitions else {}
        return [record for records in polled.values() for record in records]
