"""One university's callers who misbehave: `python -m tests.hostile.attacker KIND ADDRESS TOKEN`.

A process of its own, of the lowest priority, so that what it costs to attack is not taken for what
the attack costs. It attacks until its standard input is closed, and prints `attacking` first.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from kieng.kpi.v1 import catalogue_service_pb2, edition_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.edition_service_pb2_grpc import EditionServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1 import import_service_pb2
from kieng.submissions.v1 import submission_service_pb2 as submissions
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub

CALLERS = 16
ABANDONED_SECONDS = 0.5
YEARS = ("2021-01", "2021-12")
INDICATOR = "KNW-03"

# A call that is dropped is cancelled.
HELD: list[Any] = []
over = threading.Event()
Attack = Callable[[grpc.Channel, Any], None]


def repeat(call: Callable[[], Any]) -> None:
    """Make a call again and again from many threads, whatever is answered."""

    def work() -> None:
        while not over.is_set():
            try:
                call()
            except grpc.RpcError:
                over.wait(0.01)

    for _ in range(CALLERS):
        threading.Thread(target=work, daemon=True).start()


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


def lists(channel: grpc.Channel, metadata: Any) -> None:
    """Lists by a key, left before they are answered."""
    stub = SubmissionServiceStub(channel)
    request = submissions.ListSubmissionsRequest(work_key="doi:10.5555/none", page_size=500)
    repeat(lambda: stub.ListSubmissions(request, timeout=ABANDONED_SECONDS, metadata=metadata))


def explanations(channel: grpc.Channel, metadata: Any) -> None:
    """Explanations of a year of the consortium, left before they are answered."""
    first, last = YEARS
    request = kpi_service_pb2.ExplainKpiRequest(
        unit_id="consortium",
        indicator_code=INDICATOR,
        from_month=first,
        to_month=last,
        measure=kpi_service_pb2.MEASURE_DECLARED,
        page_size=500,
    )
    stub = KpiServiceStub(channel)
    repeat(lambda: stub.ExplainKpi(request, timeout=ABANDONED_SECONDS, metadata=metadata))


def overlaps(channel: grpc.Channel, metadata: Any) -> None:
    """Works that children have in common, and how many, left before they are answered."""
    first, last = YEARS
    asked: Any = {"indicator_code": INDICATOR, "from_month": first, "to_month": last}
    asked["measure"] = kpi_service_pb2.MEASURE_DECLARED
    works = kpi_service_pb2.ListOverlapsRequest(**asked)
    counts = kpi_service_pb2.GetOverlapMatrixRequest(**asked)
    stub = KpiServiceStub(channel)
    left: Any = {"timeout": ABANDONED_SECONDS, "metadata": metadata}
    repeat(lambda: stub.ListOverlaps(works, **left))
    repeat(lambda: stub.GetOverlapMatrix(counts, **left))


def histories(channel: grpc.Channel, metadata: Any) -> None:
    """What has changed since now, for which the log is read twice, left half-way."""
    first, last = YEARS
    months: Any = {"from_month": first, "to_month": last}
    wanted = view_pb2.Selection(unit_ids=["consortium"], indicator_codes=[INDICATOR], **months)
    request = kpi_service_pb2.GetKpisRequest(selection=wanted)
    now = KpiServiceStub(channel).GetKpis(request, timeout=20, metadata=metadata).view
    since = edition_service_pb2.ListChangesRequest(at=now.progress, **months)
    stub = EditionServiceStub(channel)
    repeat(lambda: list(stub.ListChanges(since, timeout=2.0, metadata=metadata)))


def trials(channel: grpc.Channel, metadata: Any) -> None:
    """What the live catalogue would change, which nothing does: every work is counted anew."""
    first, last = YEARS
    stub = CatalogueServiceStub(channel)
    live = stub.GetCatalogue(
        catalogue_service_pb2.GetCatalogueRequest(), timeout=20, metadata=metadata
    )
    request = catalogue_service_pb2.TryCatalogueRequest(
        indicators=live.catalogue.indicators,
        taxonomies=live.catalogue.taxonomies,
        from_month=first,
        to_month=last,
    )
    repeat(lambda: list(stub.TryCatalogue(request, timeout=2.0, metadata=metadata)))


def replays(channel: grpc.Channel, metadata: Any) -> None:
    """Replays of the whole log, left before they are answered."""
    first, last = YEARS
    wanted = view_pb2.Selection(
        unit_ids=["consortium"], indicator_codes=[INDICATOR], from_month=first, to_month=last
    )
    request = kpi_service_pb2.ReplayKpisRequest(selection=wanted)
    stub = KpiServiceStub(channel)
    repeat(lambda: list(stub.ReplayKpis(request, timeout=2.0, metadata=metadata)))


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


ATTACKS: dict[str, Attack] = {
    each.__name__: each
    for each in (
        half_open,
        idle_imports,
        lists,
        explanations,
        overlaps,
        histories,
        trials,
        replays,
        watchers,
        forged,
    )
}


def main(kinds: str, address: str, token: str) -> None:
    """Attack a service until standard input is closed."""
    os.nice(19)
    metadata = (("authorization", f"Bearer {token}"),)
    for kind in kinds.split(","):
        channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        HELD.append(channel)
        ATTACKS[kind](channel, metadata)
    print("attacking", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
