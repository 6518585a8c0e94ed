"""Live pages: each asks with its own token, and all of them cost one stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2
from services.portal.calls import Refused
from services.portal.pages.reading import KPI
from tests.unit.portal.answered import PERIOD, Answers, Portal, cells

PAGES = 30
UNITS = {"unit": "vnu", **PERIOD}


def watched(request: kpi_service_pb2.WatchKpisRequest) -> list[Any]:
    found = cells(request.selection, value=7)
    return [kpi_service_pb2.WatchKpisResponse(cells=found)]


def count(answers: Answers, kind: type[Any]) -> int:
    return sum(isinstance(each, kind) for each in answers.asked)


def test_many_pages_are_one_stream_of_the_service_and_a_call_of_each_token() -> None:
    class Watching(Answers):
        async def stream(self, *asked: Any) -> AsyncIterator[Any]:
            async for message in super().stream(*asked):
                yield message
            while portal.site.live_pages < PAGES:
                await asyncio.sleep(0)

    answers = Watching(WatchKpis=watched)
    portal = Portal(answers)

    async def look() -> list[Any]:
        return await asyncio.gather(*(portal.get("/live", **UNITS) for _ in range(PAGES)))

    pages = asyncio.run(look())
    assert count(answers, kpi_service_pb2.WatchKpisRequest) == 1
    assert count(answers, kpi_service_pb2.GetKpisRequest) == 1
    for page in pages:
        events = [line for line in page.text.splitlines() if line.startswith("data: ")]
        content = json.loads(events[0].removeprefix("data: "))
        assert ">7<" in content["cells"]["vnu|TRI-02"].replace("\n", "")
    assert (portal.site.live_pages, len(portal.site.broadcasts)) == (0, 0)


def test_who_may_not_read_joins_no_stream() -> None:
    def refuse(request: Any) -> Any:
        raise Refused("PERMISSION_DENIED", "not yours")

    answers = Answers(WatchKpis=watched, GetKpis=refuse)
    portal = Portal(answers)
    for asked in (1, 2):
        assert asyncio.run(portal.get("/live", **UNITS)).status_code == 403
        assert count(answers, kpi_service_pb2.GetKpisRequest) == asked
    assert count(answers, kpi_service_pb2.WatchKpisRequest) == 0


def test_who_may_read_once_may_watch() -> None:
    """The right to join a shared stream is asked for by GetKpis: both have the same rule."""
    assert KPI["GetKpis"].GetOptions() == KPI["WatchKpis"].GetOptions()
