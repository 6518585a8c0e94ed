"""How soon an event is readable, and how fast a subtree is read, at growing numbers of works."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import grpc
from kafka import KafkaProducer

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.local_issuer import LocalIssuer
from services.cli.local.ports import free_ports
from tests.benchmark.figures import Figure, quantiles
from tests.benchmark.generator import FIRST_YEAR, ROOT, TOPIC, Generator, units
from tests.benchmark.live import load
from tests.benchmark.machine import Machine, cpu_seconds, peak_mib, wait_until

ONE_MORE_SAMPLES = 100
READ_SAMPLES = 400
RATES = (20, 200)
RATE_SECONDS = 20
SAMPLES_PER_SECOND = 40
"""Events that are asked for; asking for each would load the machine more than folding."""
ASKERS = 64
"""More than ever wait at once, or their queue would be measured."""
CALL_SECONDS = 5.0
INDICATORS = ("KNW-03", "KNW-01", "COM-03", "STA-01", "ENT-12")
DISTANT = 1_000_000_000
MONTHS = 24
SCHOOL = [unit.unit_id for unit in units() if unit.unit_id.startswith("vnu/s03")]
OF_SCHOOL: dict[str, object] = {
    "units": len(SCHOOL),
    "months": MONTHS,
    "indicators": len(INDICATORS),
}
OF_SCHOOL |= {"target": "p99 < 15"}
Config = Mapping[str, object]
"""What a figure says of its circumstances."""


@dataclass
class Answering:
    """A running aggregator and query process, and somebody who asks and writes."""

    machine: Machine
    stub: KpiServiceStub
    credential: tuple[tuple[str, str], ...]
    producer: KafkaProducer
    log: Iterator[Any]
    pids: dict[str, int]

    def get(self, request: kpi_service_pb2.GetKpisRequest) -> Any:
        """Ask once."""
        return self.stub.GetKpis(request, timeout=CALL_SECONDS, metadata=self.credential)

    def send(self) -> tuple[float, Any]:
        """Write the next event; return when, and its future."""
        record = next(self.log)
        began = time.perf_counter()
        return began, self.producer.send(TOPIC, record.value, record.key, headers=record.headers)

    def until_readable(self, sent: tuple[float, Any]) -> float:
        """Return the seconds from sending an event until an answer contains it."""
        began, future = sent
        offset = future.get(timeout=CALL_SECONDS).offset
        request = kpi_service_pb2.GetKpisRequest(
            selection=selection([ROOT], 1),
            min_progress=[view_pb2.PartitionProgress(partition=0, next_offset=offset + 1)],
        )
        while True:
            try:
                self.get(request)
                return time.perf_counter() - began
            except grpc.RpcError as error:
                # Behind: the service waits two seconds by itself, and then says so.
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise


def selection(unit_ids: list[str], months: int) -> view_pb2.Selection:
    """Return what a reader asks for: five indicators of some units over months."""
    last = f"{FIRST_YEAR + (months - 1) // 12}-{(months - 1) % 12 + 1:02}"
    return view_pb2.Selection(
        unit_ids=unit_ids,
        indicator_codes=INDICATORS,
        from_month=f"{FIRST_YEAR}-01",
        to_month=last,
    )


@contextmanager
def answering(machine: Machine, events: int) -> Iterator[tuple[Answering, float]]:
    """Load a view with the log so far, and start the services on it."""
    (port,) = free_ports(1)
    issuer, table = LocalIssuer(machine.folder / "issuer"), machine.folder / "issuers.json"
    issuer.create([ROOT], table)
    settings = {"KIENG_ISSUERS_FILE": str(table), "KIENG_GRPC_PORT": str(port)}
    with machine.database() as database:
        load(machine, database, events)
        with (
            machine.service("kpi.aggregator", database) as aggregator,
            machine.service("kpi.query", database, **settings) as query,
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
            closing(KafkaProducer(bootstrap_servers=machine.bootstrap)) as producer,
        ):
            token = issuer.mint(ROOT, "benchmark", ["viewer"], "", 900)
            found = Answering(
                machine,
                KpiServiceStub(channel),
                (("authorization", f"Bearer {token}"),),
                producer,
                # Works of its own, whatever was loaded.
                Generator(seed=2, first=DISTANT + events).records(DISTANT),
                {"aggregator": aggregator.pid, "query": query.pid, "database": database.child.pid},
            )
            began = time.monotonic()
            wait_until(lambda: _answers(found), 300, "the first answer", 0.2)
            found.until_readable(found.send())
            yield found, time.monotonic() - began


def _answers(found: Answering) -> bool:
    try:
        found.get(kpi_service_pb2.GetKpisRequest(selection=selection([ROOT], 1)))
    except grpc.RpcError:
        return False
    return True


def one_more(found: Answering, loaded: int, log: Config) -> list[Figure]:
    """Write one event after the other; each is waited for."""
    times = [found.until_readable(found.send()) for _ in range(ONE_MORE_SAMPLES)]
    return quantiles(f"one more event at {loaded:,} events", times, **log)


def subtree(found: Answering, loaded: int, log: Config) -> list[Figure]:
    """Read a school and its groups while nothing changes."""
    times = [read_of_school(found) for _ in range(READ_SAMPLES)]
    return quantiles(f"read of a subtree at {loaded:,} events", times, **log, **OF_SCHOOL)


def read_of_school(found: Answering) -> float:
    """Read a school and its groups over 24 months, all months added up; return the seconds."""
    request = kpi_service_pb2.GetKpisRequest(selection=selection(SCHOOL, MONTHS))
    began = time.perf_counter()
    found.get(request)
    return time.perf_counter() - began


def read_on(found: Answering, is_over: Event, times: list[float]) -> None:
    """Read the school again and again, twenty times a second, until it is over."""
    while not is_over.wait(0.05):
        times.append(read_of_school(found))


def at_a_rate(found: Answering, loaded: int, rate: int) -> list[Figure]:
    """Write at a steady rate, wait for some of the events, and read a subtree meanwhile."""
    is_over, reads = Event(), list[float]()
    reader = Thread(target=read_on, args=(found, is_over, reads), daemon=True)
    reader.start()
    try:
        figures = written_at(found, loaded, rate)
    finally:
        is_over.set()
        reader.join()
    name = f"read of a subtree while {rate}/s are written, {loaded:,} loaded"
    return [*figures, *quantiles(name, reads, **OF_SCHOOL)]


def written_at(found: Answering, loaded: int, rate: int) -> list[Figure]:
    """Write at a steady rate, and wait for at most forty events a second."""
    sampled = max(1, rate // SAMPLES_PER_SECOND)
    before = {name: cpu_seconds(pid) for name, pid in found.pids.items()}
    waiting = []
    began = time.perf_counter()
    with ThreadPoolExecutor(ASKERS) as pool:
        for number in range(rate * RATE_SECONDS):
            due = began + number / rate - time.perf_counter()
            if due > 0:
                signal.sigtimedwait([signal.SIGUSR2], due)
            sent = found.send()
            if number % sampled == 0:
                waiting.append(pool.submit(found.until_readable, sent))
        times = [future.result() for future in waiting]
    wall = time.perf_counter() - began
    how = {"reached": f"{rate * RATE_SECONDS / wall:.0f}/s", "target": "p99 <= 110"}
    figures = quantiles(f"event to readable at {rate}/s, {loaded:,} loaded", times, **how)
    for name, pid in found.pids.items():
        cores = (cpu_seconds(pid) - before[name]) / wall
        memory = {"peak": f"{peak_mib(pid):.0f} MiB"}
        figures.append(Figure(f"{name} at {rate}/s", cores, "cores", rate * RATE_SECONDS, memory))
    return figures


def measure(machine: Machine, loaded: int, is_last: bool, log: Config) -> list[Figure]:
    """Measure at one size of the log; the events written meanwhile stay in the log."""
    with answering(machine, loaded) as (found, seconds):
        figures = [Figure(f"start to the first answer at {loaded:,} events", seconds, "s")]
        figures += one_more(found, loaded, log) + subtree(found, loaded, log)
        for rate in RATES if is_last else ():
            figures += at_a_rate(found, loaded, rate)
        return figures
