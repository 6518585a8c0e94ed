"""One university's callers who misbehave: `python -m tests.hostile.attacker KIND ADDRESS TOKEN`.

A process of its own, of the lowest priority, so that what it costs to attack is not taken for what
the attack costs. It attacks until its standard input is closed, and prints `attacking` first.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1 import import_service_pb2
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from tests.hostile import reads, writes
from tests.hostile.repeating import HELD, INDICATOR, YEARS, Attack, over, repeat


def half_open(channel: grpc.Channel, metadata: Any) -> None:
    """200 calls of which only the headers are sent, half of them without a token."""

    def never() -> Iterator[Any]:
        over.wait()
        yield from ()

    names = (
        "kieng.kpi.v1.KpiService/GetKpis",
        "kieng.submissions.v1.ImportService/ImportSubmissions",
    )
    held: list[Any] = [
        channel.stream_stream(f"/{names[number % 2]}")(
            never(), timeout=25, metadata=metadata if number % 4 < 2 else ()
        )
        for number in range(200)
    ]
    HELD.extend(held)


def idle_imports(channel: grpc.Channel, metadata: Any) -> None:
    """40 import streams that send a row and then nothing."""

    def rows() -> Iterator[Any]:
        yield import_service_pb2.ImportSubmissionsRequest()
        over.wait()

    stub = ImportServiceStub(channel)
    repeat(lambda: list(stub.ImportSubmissions(rows(), timeout=300, metadata=metadata)))
    repeat(lambda: list(stub.ImportSubmissions(rows(), timeout=300, metadata=metadata)))


def watchers(channel: grpc.Channel, metadata: Any) -> None:
    """As many watch streams as are given."""
    first, last = YEARS
    wanted = view_pb2.Selection(
        unit_ids=["consortium"], indicator_codes=[INDICATOR], from_month=first, to_month=last
    )
    request = kpi_service_pb2.WatchKpisRequest(selection=wanted)
    stub = KpiServiceStub(channel)
    repeat(lambda: list(stub.WatchKpis(request, metadata=metadata)))
    repeat(lambda: list(stub.WatchKpis(request, metadata=metadata)))


def forged(channel: grpc.Channel, metadata: Any) -> None:
    """Corrupt bytes with tokens that nobody signed."""
    call: Any = channel.unary_unary("/kieng.kpi.v1.KpiService/GetKpis")
    forgery = f"{metadata[0][1][:-20]}{'A' * 20}"
    repeat(lambda: call(b"\xff\xff", timeout=5, metadata=(("authorization", forgery),)))


HELD_OPEN: tuple[Attack, ...] = (half_open, idle_imports, watchers, forged)
ATTACKS: dict[str, Attack] = {
    each.__name__: each for each in (*HELD_OPEN, *reads.ATTACKS, *writes.ATTACKS)
}


def _yield_the_processor() -> None:
    """Let everything else on this machine run first.

    Linux may share a core between sessions before it looks at the priorities of their processes.
    Then a priority counts within a session only, and a session has one of its own (`man sched`).
    """
    os.setsid()
    os.nice(19)
    autogroup = Path("/proc/self/autogroup")
    if autogroup.exists():
        autogroup.write_text("19")


def _leave_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main(kinds: str, address: str, token: str) -> None:
    """Attack a service until standard input is closed."""
    # From the start, as an attack that begins may itself wait for a service that has ended.
    leaving = threading.Thread(target=_leave_with_the_parent, daemon=True)
    leaving.start()
    _yield_the_processor()
    metadata = (("authorization", f"Bearer {token}"),)
    for kind in kinds.split(","):
        channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        HELD.append(channel)
        ATTACKS[kind](channel, metadata)
    print("attacking", flush=True)
    leaving.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
