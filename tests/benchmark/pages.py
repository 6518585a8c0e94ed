"""What pages of the portal cost beside the call behind them, and many live pages at once."""

from __future__ import annotations

import asyncio
import gzip
import re
import statistics
import threading
import time
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from tests.benchmark.figures import Figure
from tests.benchmark.machine import peak_mib
from tests.e2e.browsing import Visitor, address
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack

READS = 60
PERIOD = {"from": "2025-01", "to": "2025-07"}
LIVE_PAGES = 500
RATE = 20
LIVE_SECONDS = 20.0
FONTS = re.compile(rb'url\("([^"]+)"\)')
PARTS = re.compile(r'(?:href|src)="(/static/[^"]+|/favicon.ico)"')


def overview(running: RunningStack) -> list[Figure]:
    """Measure the overview against its GetKpis in turn, and the weight of the first page."""
    leader = Visitor(running)
    leader.sign_in("viewer", "consortium")
    metadata = (("authorization", f"Bearer {running.token('consortium', 'viewer')}"),)
    pages: list[float] = []
    calls: list[float] = []
    with running.channel("kpi") as channel:
        asked = catalogue_service_pb2.GetCatalogueRequest()
        stub = CatalogueServiceStub(channel)
        catalogue = stub.GetCatalogue(asked, timeout=20, metadata=metadata).catalogue
        codes = [i.code for i in catalogue.indicators if i.house in ("consortium", "all")]
        units = [u.unit_id for u in catalogue.units if u.unit_id.count("/") == 0]
        selection = view_pb2.Selection(
            unit_ids=units, indicator_codes=codes, from_month="2025-01", to_month="2025-07"
        )
        request = kpi_service_pb2.GetKpisRequest(selection=selection)
        get_kpis = KpiServiceStub(channel).GetKpis
        limits = httpx.Limits(max_keepalive_connections=1)
        with httpx.Client(base_url=address(running), limits=limits, timeout=30) as client:
            client.cookies = leader.client.cookies
            for _ in range(READS):
                began = time.perf_counter()
                page = client.get("/", params=PERIOD)
                pages.append(time.perf_counter() - began)
                assert page.status_code == 200
                began = time.perf_counter()
                get_kpis(request, timeout=20, metadata=metadata)
                calls.append(time.perf_counter() - began)
            parts = [client.get(part).content for part in sorted(set(PARTS.findall(page.text)))]
            named = sorted({font for part in parts for font in FONTS.findall(part)})
            parts += [client.get(f"/static/{font.decode()}").content for font in named]
    page_ms, call_ms = (statistics.median(each) * 1000 for each in (pages, calls))
    weight = sum(len(gzip.compress(each, 6)) for each in (page.content, *parts)) / 1024
    how = {"cells": len(units) * len(codes)}
    return [
        Figure("portal: overview", page_ms, "ms", READS, how),
        Figure("portal: its GetKpis", call_ms, "ms", READS, how),
        Figure("portal: overview to GetKpis", page_ms / call_ms, "x", READS, {"target": "<= 3"}),
        Figure("portal: first page", weight, "KiB", 1, {"target": "<= 120", "compressed": "gzip"}),
    ]


def live_pages(running: RunningStack) -> list[Figure]:
    """Measure the portal while many pages are live and submissions come in."""
    leader = Visitor(running)
    leader.sign_in("viewer", "consortium")
    stop = threading.Event()
    sent: list[int] = []
    submitting = threading.Thread(target=_submit, args=(running, stop, sent))
    submitting.start()
    try:
        open_pages, events = asyncio.run(_watch(running, leader))
    finally:
        stop.set()
        submitting.join()
    pid, blocked = running.pid("portal"), _blocked(running)
    how = {"pages": open_pages, "submissions": sum(sent), "events": events}
    return [
        Figure("portal: live pages", open_pages, "pages", 1, {"wanted": LIVE_PAGES}),
        Figure("portal: peak memory", peak_mib(pid), "MiB", 1, {**how, "target": "< 300"}),
        Figure("portal: longest step", blocked * 1000, "ms CPU, at most", 1, {"target": "<= 50"}),
    ]


async def _watch(running: RunningStack, leader: Visitor) -> tuple[int, int]:
    heard: list[int] = [0] * LIVE_PAGES
    limits = httpx.Limits(max_connections=LIVE_PAGES + 10)
    base = address(running)

    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=60) as client:
        client.cookies = leader.client.cookies

        async def page(number: int) -> None:
            asked: Any = [("unit", "consortium"), ("unit", "vnu"), *PERIOD.items()]
            async with client.stream("GET", "/live", params=asked) as answer:
                async for line in answer.aiter_lines():
                    heard[number] += line.startswith("event: cells")

        pages = [asyncio.create_task(page(number)) for number in range(LIVE_PAGES)]
        await asyncio.sleep(LIVE_SECONDS)
        for each in pages:
            each.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    return sum(map(bool, heard)), sum(heard)


def _submit(running: RunningStack, stop: threading.Event, sent: list[int]) -> None:
    author, number = Caller(running, "vnu", "contributor"), 0
    began = time.monotonic()
    while not stop.wait(max(0.0, began + number / RATE - time.monotonic())):
        facts = article(f"10.5555/bench.portal.{number}", "2025-03-10")
        author.create(creation("vnu/hus/physics", facts))
        sent.append(1)
        number += 1


def _blocked(running: RunningStack) -> float:
    """Return the upper bound of the bucket that the longest step is in."""
    metrics = httpx.get(f"http://{running.stack.processes['portal'].http}/metrics").text
    total, bound = 0.0, 0.0
    for family in text_string_to_metric_families(metrics):
        if family.name == "kieng_portal_loop_blocked_seconds":
            for sample in family.samples:
                if sample.name.endswith("_bucket") and sample.value > total:
                    total, bound = sample.value, float(sample.labels["le"])
    return bound
