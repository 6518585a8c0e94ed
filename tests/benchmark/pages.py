"""What pages of the portal cost beside the call behind them, and what they weigh."""

from __future__ import annotations

import gzip
import http.client
import re
import statistics
import time
from urllib.parse import urlencode, urlsplit

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from tests.benchmark.figures import Figure
from tests.benchmark.machine import cpu_seconds
from tests.benchmark.screens import cookie_of
from tests.e2e.browsing import Visitor, address
from tests.e2e.running import RunningStack

READS = 300
PERIOD = {"from": "2025-01", "to": "2025-07"}
FONTS = re.compile(rb'url\("([^"]+)"\)')
PARTS = re.compile(r'(?:href|src)="(/static/[^"]+|/favicon.ico)"')


def overview(running: RunningStack) -> list[Figure]:
    """Measure the overview against its GetKpis in turn, and the weight of the first page.

    Both as their caller waits for them, over a connection that stays open.
    """
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
        portal, query = running.pid("portal"), running.pid("kpi.query")
        connection = http.client.HTTPConnection(urlsplit(address(running)).netloc, timeout=30)
        headers = {"accept-encoding": "gzip", "cookie": cookie_of(leader)}
        used = cpu_seconds(portal), cpu_seconds(query)
        for _ in range(READS):
            began = time.perf_counter()
            connection.request("GET", f"/?{urlencode(PERIOD)}", headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            pages.append(time.perf_counter() - began)
            assert answer.status == 200
            began = time.perf_counter()
            get_kpis(request, timeout=20, metadata=metadata)
            calls.append(time.perf_counter() - began)
        page_cpu = (cpu_seconds(portal) - used[0]) / READS * 1000
        # Each page makes one such call, too.
        call_cpu = (cpu_seconds(query) - used[1]) / READS / 2 * 1000
        connection.close()
    page = gzip.decompress(content)
    named = sorted(set(PARTS.findall(page.decode())))
    parts = [leader.client.get(each).content for each in named]
    fonts = sorted({font.decode() for part in parts for font in FONTS.findall(part)})
    parts += [leader.client.get(f"/static/{font}").content for font in fonts]
    page_ms, call_ms = (statistics.median(each) * 1000 for each in (pages, calls))
    weight = sum(len(gzip.compress(each, 6)) for each in (page, *parts)) / 1024
    how, target = {"cells": len(units) * len(codes)}, {"target": "<= 3"}
    return [
        Figure("portal: overview", page_ms, "ms", READS, {**how, "cpu_ms": page_cpu}),
        Figure("portal: its GetKpis", call_ms, "ms", READS, {**how, "cpu_ms": call_cpu}),
        Figure("portal: overview to GetKpis", page_ms / call_ms, "x", READS, target),
        Figure("portal: the same in CPU", 1 + page_cpu / call_cpu, "x", READS, target),
        Figure("portal: first page", weight, "KiB", 1, {"target": "<= 120", "compressed": "gzip"}),
    ]
