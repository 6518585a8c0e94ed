"""The portal in this process, whose services answer from memory what they would answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import jinja2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from jinja2.bccache import Bucket
from starlette.applications import Starlette

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2, view_pb2
from services.portal.application import routes
from services.portal.config import Settings
from services.portal.domain.periods import Period, months_of
from services.portal.sessions import Session
from services.portal.site import Site

GOLDEN = Path(__file__).parents[2] / "golden"
CATALOGUE = catalogue_pb2.Catalogue.FromString((GOLDEN / "catalogue.binpb").read_bytes())
PERIOD = {"from": "2025-01", "to": "2025-07"}


def cells(wanted: view_pb2.Selection, value: int = 5) -> list[view_pb2.Cell]:
    """Cells of a selection, all of one value."""
    period = Period(wanted.from_month, wanted.to_month)
    spans = [(month, month) for month in months_of(period)] if wanted.by_month else []
    return [
        view_pb2.Cell(
            unit_id=unit_id,
            indicator_code=code,
            from_month=first,
            to_month=last,
            verified=view_pb2.Value(whole=value),
            declared=view_pb2.Value(whole=value),
        )
        for unit_id in wanted.unit_ids
        for code in wanted.indicator_codes
        for first, last in spans or [(period.first, period.last)]
    ]


def both_trees(
    request: catalogue_service_pb2.CompareTreesRequest, moved: int = 0
) -> catalogue_service_pb2.CompareTreesResponse:
    """Numbers of both trees; today's has so many more in the first month of the trend."""
    answer = catalogue_service_pb2.CompareTreesResponse(view_id="g1-c1-f1")
    months = len(list(months_of(Period(request.trend.from_month, request.trend.to_month))))
    for code in request.indicator_codes:
        named: Any = {"indicator_code": code, "measure": kpi_service_pb2.MEASURE_VERIFIED}
        five = [view_pb2.Value(whole=5)] * months
        now = [view_pb2.Value(whole=5 + moved), *five[1:]]
        answer.numbers.add(**named)
        answer.trends.add(**named, as_was=five, as_is=now)
    return answer


class Answers:
    """Services that answer what most pages ask, and what more is given by name.

    Args:
        more: name of an RPC -> what it answers to a request.
    """

    def __init__(self, **more: Callable[[Any], Any]) -> None:
        self.more = more
        self.view = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="0" * 64)
        self.asked: list[Message] = []

    async def unary(
        self, method: MethodDescriptor, request: Any, token: str, seconds: float = 25.0
    ) -> Any:
        """Answer one call."""
        self.asked.append(request)
        if method.name in self.more:
            return self.more[method.name](request)
        if method.name == "GetCatalogue":
            return catalogue_service_pb2.GetCatalogueResponse(catalogue=CATALOGUE)
        if method.name == "GetReport":
            return kpi_service_pb2.GetReportResponse(view=self.view, unit_id=request.unit_id)
        if method.name == "ListKeptDays":
            return kpi_service_pb2.ListKeptDaysResponse()
        if method.name == "CompareTrees":
            return both_trees(request)
        assert method.name == "GetKpis", method.name
        return kpi_service_pb2.GetKpisResponse(view=self.view, cells=cells(request.selection))

    async def stream(
        self, method: MethodDescriptor, request: Any, token: str
    ) -> AsyncIterator[Any]:
        """Answer a server stream."""
        self.asked.append(request)
        for message in self.more[method.name](request):
            yield message

    async def exchange(
        self, method: MethodDescriptor, requests: AsyncIterator[Message], token: str
    ) -> AsyncIterator[Any]:
        """Answer each request of a stream."""
        async for request in requests:
            self.asked.append(request)
            for message in self.more[method.name](request):
                yield message


class Compiled(jinja2.BytecodeCache):
    """What templates were compiled to: a portal is made for nearly every test."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was kept, unless it is of another template."""
        if kept := self._kept.get(bucket.key):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class Portal:
    """The pages without what surrounds them, for somebody who is signed in.

    Args:
        answers: the services.
        role: role of who asks.
    """

    def __init__(self, answers: Any, role: str = "viewer") -> None:
        self.site = Site(Settings())
        self.site.environment.bytecode_cache = COMPILED
        self.site.__dict__["services"] = answers
        self.app = Starlette(routes=routes(self.site))
        self.app.state.site = self.site
        now = time.time()
        self.session = Session(
            "guest", now, "token", now + 900, f"{role}@vnu", "vnu", "vnu", (role,)
        )

    def client(self) -> httpx.AsyncClient:
        """Return a browser with the cookie of the session."""
        content = {k: v for k, v in asdict(self.session).items() if k != "sealed_at"}
        cookies = {"kieng": self.site.sessions.seal("session", content)}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://portal", cookies=cookies)

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Ask for a page."""
        async with self.client() as client:
            return await client.get(path, params=query)
