"""The import of a file by forms: tried, mapped, imported and handed back, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import html5lib
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import import_service_pb2 as api
from services.portal.uploads import FILE_BYTES_MAX, ROWS_MAX
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


def tried(request: api.TryImportRequest) -> Iterator[api.TryImportResponse]:
    yield api.TryImportResponse(answer=answer_to(request.row), submitted=[b"e"], verified=[b"e"])


def effects(request: kpi_service_pb2.TryEventsRequest) -> Iterator[Any]:
    if request.verified:
        effect = kpi_service_pb2.Effect(
            unit_id="vnu", indicator_code="KNW-03", from_month="2025-01", to_month="2025-12"
        )
        effect.before.declared.CopyFrom(view_pb2.Value(whole=1))
        effect.once_submitted.declared.CopyFrom(view_pb2.Value(whole=2))
        yield kpi_service_pb2.TryEventsResponse(effects=[effect])


def portal(role: str = "contributor") -> Portal:
    answers = Answers(
        TryImport=tried, TryEvents=effects, ImportSubmissions=lambda row: [answer_to(row)]
    )
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


def test_a_file_is_tried_and_then_imported_as_it_was_tried() -> None:
    form = Form(portal())
    asked = form.site.site.services.asked  # type: ignore[attr-defined]
    answer = form.send("try", "receipt.csv", table(GOOD, GOOD.replace("r-1", "r-2")))
    assert answer.status_code == 200
    assert facts(answer)["new"] == "2"
    assert "1 → 2" in answer.text
    assert not any(isinstance(each, api.ImportSubmissionsRequest) for each in asked)
    done = form.send("commit", type="receipt", system="file")
    assert "receipt.csv is imported" in done.text
    assert "<progress" in done.text
    rows = [each for each in asked if isinstance(each, api.ImportSubmissionsRequest)]
    assert [row.source_record.record_id for row in rows] == ["r-1", "r-2"]
    assert all(row.HasField("version_before") for row in rows)


def test_what_is_wrong_stands_at_its_cell_and_the_refused_rows_can_be_imported_again() -> None:
    form = Form(portal())
    rows = [GOOD, GOOD.replace("r-1", "r-2").replace("2025-03-01", "soon")]
    rows.append(GOOD.replace("r-1", "r-3").replace("vnu/hus", "x"))
    answer = form.send("try", "receipt.csv", table(*rows))
    assert (facts(answer)["new"], facts(answer)["refused"]) == ("1", "2")
    assert "<mark>soon</mark>" in answer.text
    assert "unknown unit x" in answer.text
    report = form.send("report")
    lines = list(csv.DictReader(io.StringIO(report.text.removeprefix("\ufeff"))))
    assert [line["outcome"] for line in lines] == ["created", "refused", "refused"]
    assert lines[2]["column"] == "unit_id"
    refused = form.send("refused")
    assert "attachment" in refused.headers["content-disposition"]
    mended = refused.text.replace("soon", "2025-03-02").replace(",x,", ",vnu/hus,")
    again = sent("try", "receipt.csv", mended.encode())
    assert (facts(again)["new"], facts(again)["refused"]) == ("2", "0")


def test_only_the_rows_that_were_accepted_are_sent() -> None:
    form = Form(portal())
    asked = form.site.site.services.asked  # type: ignore[attr-defined]
    rows = (GOOD, GOOD.replace("r-1", "r-3").replace("vnu/hus", "x"))
    form.send("try", "receipt.csv", table(*rows))
    form.send("commit", type="receipt", system="file")
    sent = [each for each in asked if isinstance(each, api.ImportSubmissionsRequest)]
    assert [row.source_record.record_id for row in sent] == ["r-1"]


def test_unknown_headings_are_mapped_with_suggestions() -> None:
    form = Form(portal())
    header = HEADER.replace("record_id", "Our key").replace("amount_vnd", "amount_vnt")
    content = table(GOOD, header=header)
    answer = form.send("try", "receipt.csv", content)
    assert answer.status_code == 200
    assert "unknown column &#39;Our key&#39;" in answer.text
    document = html5lib.parse(answer.text, namespaceHTMLElements=False)
    chosen = {
        each.get("aria-label"): [
            o.get("value") for o in each.iter("option") if "selected" in o.attrib
        ]
        for each in document.iter("select")
        if each.get("name") == "as"
    }
    assert chosen["Column: amount_vnt"] == ["amount_vnd"]
    assert chosen["Column: Our key"] == []
    names = header.split(",")
    mapped: dict[str, Any] = {"heading": names, "as": ["record_id", *names[1:-1], "amount_vnd"]}
    answer = form.send("try", type="receipt", system="file", **mapped)
    assert facts(answer)["new"] == "1"


def test_a_commit_of_something_else_than_was_tried_is_tried_again() -> None:
    form = Form(portal())
    asked = form.site.site.services.asked  # type: ignore[attr-defined]
    form.send("try", "receipt.csv", table(GOOD))
    answer = form.send("commit", type="receipt", system="cris")
    assert "checked again and nothing was written" in answer.text
    assert not any(isinstance(each, api.ImportSubmissionsRequest) for each in asked)
    forged = form.send("commit", type="receipt", system="cris", plan="AAAA")
    assert "checked again and nothing was written" in forged.text


def bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (64 * 1024 * 1024))
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("receipt.csv", b"", "the file is empty"),
        ("receipt.pdf", b"%PDF", "can be read"),
        ("../../etc/passwd", b"x", "can be read"),
        ("strange.csv", table(GOOD), "unknown type"),
        ("receipt.xlsx", b"PK\x03\x04 no book", "not an XLSX file"),
        ("receipt.xlsx", bomb(), "unpacks to more than 32 MB"),
        ("receipt.csv", table(*["a,b,c,d,e"] * (ROWS_MAX + 1)), "more than 5,000 rows"),
        ("receipt.csv", b"x" * (FILE_BYTES_MAX + 1), "over 2 MB"),
        ("", b"", "Choose a file first"),
        ("list.ris", b"TY  - JOUR\nER  - \n", "whose publications"),
        ("list.json", b"[" * 100_000, "not a file of crossref"),
        ("list.bib", b"@article{" * 2_000, "whose publications"),
    ],
    ids=[
        "empty",
        "pdf",
        "path",
        "type",
        "zip",
        "bomb",
        "rows",
        "size",
        "none",
        "ris",
        "deep",
        "bib",
    ],
)
def test_what_cannot_be_read_is_said_on_the_page(name: str, content: bytes, said: str) -> None:
    more = {"unit": "vnu/hus"} if said.startswith("not a file") else {}
    answer = sent("try", name, content, **more)
    assert answer.status_code == 400
    assert said in answer.text


def test_markup_in_a_file_is_text() -> None:
    row = GOOD.replace("r-1", MARKUP).replace("2025-03-01", f"{MARKUP} soon")
    answer = sent("try", f"{MARKUP}.csv", table(row), type="receipt")
    assert MARKUP not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


def test_a_hidden_field_that_is_damaged_or_a_bomb_is_refused() -> None:
    bomb = base64.b64encode(zlib.compress(b" " * (64 * 1024 * 1024))).decode()
    for kept in ("%%%", "AAAA", bomb):
        answer = sent("try", kept=kept, name="receipt.csv")
        assert answer.status_code == 400
        assert "choose the file again" in answer.text
        handed = sent("report", report=kept, name="receipt.csv")
        assert handed.status_code == 400


def test_guests_are_sent_to_sign_in_before_their_form_is_read() -> None:
    site = portal()

    async def send() -> httpx.Response:
        async with site.client() as client:
            client.cookies.clear()
            return await client.post("/import", files={"file": ("receipt.csv", b"x")})

    answer = asyncio.run(send())
    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["location"]


def test_who_may_not_import_is_told_so() -> None:
    answer = asyncio.run(portal("viewer").get("/import", lang="en"))
    assert "Your role does not import" in answer.text
    assert 'type="file"' not in answer.text
