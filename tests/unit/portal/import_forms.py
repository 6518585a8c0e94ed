"""The form of the import page, and services that take every row of a unit below `vnu`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import html5lib
import httpx
from google.rpc import error_details_pb2, status_pb2

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import import_service_pb2 as api
from tests.unit.portal.answered import Answers, Portal

HEADER = "record_id,unit_id,number,received_on,amount_vnd"
GOOD = "r-1,vnu/hus,PT-1,2025-03-01,1000000"
MARKUP = "<script>alert(1)</script>"
HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')


def answer_to(row: api.ImportSubmissionsRequest) -> api.ImportSubmissionsResponse:
    """What a service makes of a row: a unit below `vnu` is known."""
    if row.content.unit_id.startswith("vnu"):
        return api.ImportSubmissionsResponse(
            row=row.row, outcome=api.OUTCOME_CREATED, submission_id=f"s-{row.row}", version=1
        )
    told = "unknown unit x; look it up with `kieng unit search`"
    status = status_pb2.Status(code=3, message=f"content.unit_id: {told}")
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="content.unit_id", description=told)
    status.details.add().Pack(bad)
    return api.ImportSubmissionsResponse(row=row.row, error=status)


def tried(request: api.TryBatchesRequest) -> Iterator[api.TryBatchesResponse]:
    answers = map(answer_to, request.rows)
    events: Any = {"submitted": [b"e"], "verified": [b"e"]} if request.with_events else {}
    yield api.TryBatchesResponse(
        answers=[api.TryImportResponse(answer=each, **events) for each in answers]
    )


def imported(request: api.ImportBatchesRequest) -> Iterator[api.ImportBatchesResponse]:
    yield api.ImportBatchesResponse(answers=map(answer_to, request.rows))


def written(site: Portal) -> list[api.ImportSubmissionsRequest]:
    """The rows that were imported."""
    asked = site.site.services.asked  # type: ignore[attr-defined]
    sent = [each for each in asked if isinstance(each, api.ImportBatchesRequest)]
    return [row for each in sent for row in each.rows]


def effects(request: kpi_service_pb2.TryEventsRequest) -> Iterator[Any]:
    if request.verified:
        effect = kpi_service_pb2.Effect(
            unit_id="vnu", indicator_code="KNW-03", from_month="2025-01", to_month="2025-12"
        )
        effect.before.declared.CopyFrom(view_pb2.Value(whole=1))
        effect.once_submitted.declared.CopyFrom(view_pb2.Value(whole=2))
        yield kpi_service_pb2.TryEventsResponse(effects=[effect])


def portal(role: str = "contributor") -> Portal:
    answers = Answers(TryBatches=tried, TryEvents=effects, ImportBatches=imported)
    return Portal(answers, role)


class Form:
    """A form of the import page: what it holds, and what is changed of it."""

    def __init__(self, site: Portal) -> None:
        self.site, self.held = site, dict[str, Any]()

    def send(self, action: str, file: str = "", content: bytes = b"", **more: Any) -> Any:
        """Send it with an action, a new file if one is named, and other answers."""
        return asyncio.run(self._send(action, file, content, **more))

    async def _send(self, action: str, file: str, content: bytes, **more: Any) -> Any:
        async with self.site.client() as client:
            if not self.held:
                page = await client.get("/import", params={"lang": "en"})
                self.held = dict(HIDDEN.findall(page.text))
            files = {"file": (file, content)} if file else {"none": ("", b"")}
            data = {**self.held, "action": action, **more}
            answer = await client.post("/import?lang=en", data=data, files=files)
        if answer.headers["content-type"].startswith("text/html"):
            html5lib.HTMLParser(strict=True).parse(answer.text)
            self.held |= dict(HIDDEN.findall(answer.text))
            self.held.pop("heading", "")
        return answer


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *rows)).encode()


def facts(answer: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r"<dt>([a-z ]+)</dt><dd[^>]*>([0-9,]+)</dd>", answer.text))


def sent(action: str, *given: Any, **more: Any) -> httpx.Response:
    answer: httpx.Response = Form(portal()).send(action, *given, **more)
    return answer
