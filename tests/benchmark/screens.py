"""Live pages: how soon a change is on the screen, and what many open pages cost the portal."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlencode, urlsplit

import httpcore
import httpx
from prometheus_client.parser import text_string_to_metric_families

from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.kpi.offline.verification import read_units
from tests.benchmark.figures import Figure
from tests.benchmark.machine import ROOT, cpu_seconds, peak_mib, wait_until
from tests.benchmark.submitting import Watcher, submit
from tests.e2e.browsing import Visitor, address
from tests.e2e.running import RunningStack

PAGES = 500
USERS = 25
SLOW_PAGES = 10
SLOW_BYTES = 4096
"""A slow reader takes so many each second; the first event alone is larger."""
RATE, SECONDS = 20, 20
OPEN_SECONDS = 60.0
SHOWN = {"house": "university", "from": "2025-01", "to": "2025-12"}
CELL = "consortium|KNW-03"
DECLARED = re.compile(r'class="declared"[^>]*>\(([\d.]+)\)')


def cookie_of(visitor: Visitor) -> str:
    """Return the header that shows the session of a visitor."""
    return "; ".join(f"{name}={value}" for name, value in visitor.client.cookies.items())


def users(running: RunningStack, count: int) -> list[str]:
    """Sign so many viewers in, each of another unit; return their cookies."""
    tree = read_units(ROOT / "deploy" / "directory" / "units.yaml")
    units = [unit.unit_id for unit in tree][:count]
    visitors = [Visitor(running) for _ in units]
    for visitor, unit in zip(visitors, units, strict=True):
        visitor.sign_in("viewer", unit)
    return [cookie_of(each) for each in visitors]


class Screen(Thread):
    """One open page that notes when each further article of the consortium is on it.

    Args:
        running: the stack.
        cookie: who looks.
    """

    def __init__(self, running: RunningStack, cookie: str) -> None:
        super().__init__(daemon=True)
        self.client = httpx.Client(base_url=address(running), headers={"cookie": cookie})
        self.base = -1
        self.seen_at: list[float] = []
        self._stream: httpcore.NetworkStream

    def run(self) -> None:
        """Read until the page is closed."""
        asked = {"unit": "consortium", **SHOWN}
        try:
            with self.client.stream("GET", "/live", params=asked, timeout=60) as answer:
                answer.raise_for_status()
                self._stream = answer.extensions["network_stream"]
                for line in answer.iter_lines():
                    if line.startswith("data: {") and (html := json.loads(line[6:])["cells"]):
                        self._note(html.get(CELL, ""), time.perf_counter())
        except (httpx.ReadError, httpx.RemoteProtocolError):
            return  # the page was closed

    def close(self) -> None:
        """Close the page at once, so that the portal has room for another."""
        # Closing a socket from which a thread reads tells the portal nothing before it has read.
        self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self.join()
        self.client.close()

    def _note(self, html: str, now: float) -> None:
        if found := DECLARED.search(html):
            value = int(found[1].replace(".", ""))
            self.base = value if self.base < 0 else self.base
            self.seen_at += [now] * (value - self.base - len(self.seen_at))


class Crowd(Thread):
    """Open pages of many users that all show the same; some are read slowly.

    Args:
        running: the stack.
        cookies: who looks; each has as many pages as the others.
        count: number of pages.
    """

    def __init__(self, running: RunningStack, cookies: Sequence[str], count: int) -> None:
        super().__init__(daemon=True)
        self.heard = [0] * count
        self._cookies, self._host = cookies, urlsplit(address(running)).netloc
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    @property
    def live(self) -> int:
        """Number of pages that have got their numbers."""
        return sum(map(bool, self.heard))

    def run(self) -> None:
        """Keep the pages open until `stop`."""
        self._loop.run_until_complete(self._open())

    def stop(self) -> None:
        """Close all pages."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join()

    async def _open(self) -> None:
        pages = [asyncio.create_task(self._page(number)) for number in range(len(self.heard))]
        await self._ended.wait()
        for each in pages:
            each.cancel()
        await asyncio.gather(*pages, return_exceptions=True)

    async def _page(self, number: int) -> None:
        host, _, port = self._host.rpartition(":")
        # A slow reader's own buffer holds little, so that the portal has to wait for it.
        is_slow = number < SLOW_PAGES
        reader, writer = await asyncio.open_connection(
            host, int(port), limit=SLOW_BYTES if is_slow else 1 << 20
        )
        asked = urlencode({**SHOWN, "unit": "consortium"})
        cookie = self._cookies[number % len(self._cookies)]
        writer.write(
            f"GET /live?{asked} HTTP/1.1\r\nhost: {self._host}\r\ncookie: {cookie}\r\n\r\n".encode()
        )
        while part := await reader.read(SLOW_BYTES if is_slow else 1 << 18):
            self.heard[number] += part.count(b"event: cells")
            if is_slow:
                await asyncio.sleep(1)


def one_page(running: RunningStack) -> list[Figure]:
    """Measure how soon a change is on the screen of the only open page."""
    return _lags(running, users(running, 1)[0], 5, 8, pages=1)


def many_pages(running: RunningStack) -> list[Figure]:
    """Measure the portal while many pages are live and submissions come in."""
    cookies = users(running, USERS)
    crowd = Crowd(running, cookies, PAGES - 1)
    crowd.start()
    began = time.perf_counter()
    try:
        wait_until(lambda: crowd.live == PAGES - 1, OPEN_SECONDS, "all pages live")
        opened = time.perf_counter() - began
        pid = running.pid("portal")
        used = cpu_seconds(pid)
        lags = _lags(running, cookies[0], RATE, SECONDS, pages=PAGES)
        cores = (cpu_seconds(pid) - used) / SECONDS
    finally:
        crowd.stop()
    blocked = _blocked(running)
    how = {"pages": crowd.live + 1, "users": USERS, "slow": SLOW_PAGES, "events": sum(crowd.heard)}
    return [
        Figure("portal: live pages", crowd.live + 1, "pages", 1, {"wanted": PAGES}),
        Figure("portal: all are live after", opened, "s", 1, how),
        Figure("portal: peak memory", peak_mib(pid), "MiB", 1, {**how, "target": "< 300"}),
        Figure("portal: longest step", blocked * 1000, "ms CPU, at most", 1, {"target": "<= 50"}),
        Figure("portal: cores while pages change", cores, "cores", 1, how),
        *lags,
    ]


def _lags(
    running: RunningStack, cookie: str, rate: int, seconds: int, *, pages: int
) -> list[Figure]:
    """Compare when changes are on a screen with when a client of WatchKpis has them."""
    viewer = (("authorization", f"Bearer {running.token('consortium', 'viewer')}"),)
    with running.channel("kpi") as channel, _opened(Screen(running, cookie)) as screen:
        watcher = Watcher(KpiServiceStub(channel), viewer)
        watcher.start()
        calls = submit(running, f"screens.{pages}", rate, seconds)
        watcher.wait_for(len(calls))
        wait_until(lambda: len(screen.seen_at) >= len(calls), 30.0, "all changes on the screen")
    sent = [began for began, _ in calls]
    shown, watched = (
        statistics.median(at - began for began, at in zip(sent, seen, strict=False)) * 1000
        for seen in (screen.seen_at, watcher.seen_at)
    )
    how = {"pages": pages, "rate": f"{rate}/s"}
    return [
        Figure("portal: submit to screen", shown, "ms", len(calls), how),
        Figure("portal: submit to WatchKpis", watched, "ms", len(calls), how),
        Figure("portal: screen to WatchKpis", shown / watched, "x", 1, {**how, "target": "<= 2"}),
    ]


@contextmanager
def _opened(screen: Screen) -> Iterator[Screen]:
    screen.start()
    try:
        wait_until(lambda: screen.base >= 0, 30.0, "a live page")
        yield screen
    finally:
        screen.close()


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
