"""The import of a file by forms: tried, mapped, handed back, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import html5lib
import httpx
import pytest
import xlsxwriter

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from kieng.submissions.v1 import import_service_pb2 as api
from services.importing import headings, spreadsheets
from services.portal.calls import Refused
from services.portal.texts import word
from services.portal.uploads import FILE_BYTES_MAX, ROWS_MAX
from services.texts import Lang
from tests.unit.portal.answered import CATALOGUE
from tests.unit.portal.import_forms import (
    GOOD,
    HEADER,
    MARKUP,
    Form,
    facts,
    portal,
    sent,
    table,
    written,
)


def test_what_is_wrong_stands_at_its_cell_and_the_refused_rows_can_be_imported_again() -> None:
    form = Form(portal())
    rows = [GOOD, GOOD.replace("r-1", "r-2").replace("2025-03-01", "soon")]
    rows.append(GOOD.replace("r-1", "r-3").replace("vnu/hus", "x"))
    answer = form.send("try", "receipt.csv", table(*rows))
    assert (facts(answer)["new"], facts(answer)["refused"]) == ("1", "2")
    assert "<mark>soon</mark>" in answer.text
    assert "unknown unit x" in answer.text
    report = form.send("report.csv")
    lines = list(csv.DictReader(io.StringIO(report.text.removeprefix("\ufeff"))))
    assert [line["Outcome"] for line in lines] == ["new", "refused", "refused"]
    assert lines[2]["Column"] == "unit_id"
    refused = form.send("refused")
    assert "attachment" in refused.headers["content-disposition"]
    mended = refused.text.replace("soon", "2025-03-02").replace(",x,", ",vnu/hus,")
    again = sent("try", "receipt.csv", mended.encode())
    assert (facts(again)["new"], facts(again)["refused"]) == ("2", "0")


def test_all_mistakes_of_a_row_are_told_at_once_and_it_is_never_imported() -> None:
    site = portal()
    form = Form(site)
    # The date cannot be read here, and the unit is unknown to the service.
    two = GOOD.replace("r-1", "r-2").replace("2025-03-01", "soon").replace("vnu/hus", "x")
    answer = form.send("try", "receipt.csv", table(GOOD, two))
    assert (facts(answer)["new"], facts(answer)["refused"]) == ("1", "1")
    assert "<mark>soon</mark>" in answer.text
    assert "unknown unit x" in answer.text
    form.send("commit")
    assert [each.source_record.record_id for each in written(site)] == ["r-1"]


def test_a_unit_is_known_by_its_full_name_under_the_label_of_the_page() -> None:
    site = portal()
    catalogue = catalogue_pb2.Catalogue()
    catalogue.CopyFrom(CATALOGUE)
    catalogue.units.add(unit_id="vnu/hus").name.vi = "Khoa Vật lý"
    answer = catalogue_service_pb2.GetCatalogueResponse(catalogue=catalogue)
    site.site.__dict__["services"].more["GetCatalogue"] = lambda _: answer
    header = HEADER.replace("unit_id", "Đơn vị kê khai")
    content = table(GOOD.replace("vnu/hus", "khoa vật lý"), header=header)
    tried = Form(site).send("try", "receipt.csv", content)
    assert (facts(tried)["new"], facts(tried)["refused"]) == ("1", "0")


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("type_name", headings.TYPES)
def test_every_label_of_a_column_is_understood_as_its_heading(lang: Lang, type_name: str) -> None:
    for name in headings.columns(type_name):
        own = word(lang, "import_column", name)
        said = own if own != name or name in headings.ROW_COLUMNS else word(lang, "fact", name)
        header = ["record_id", "unit_id"]
        header = [said if name == each else each for each in header]
        header += [] if said in header else [said]
        assert name in headings.read_header(type_name, header), said


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


def bomb(said: int = 64 * 1024 * 1024) -> bytes:
    """A small file with a large part, of which it says this size."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (64 * 1024 * 1024))
        archive.filelist[0].file_size = said
    return content.getvalue()


def merged() -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER.split(","))
        sheet.write_row(1, 0, GOOD.split(","))
    # Written by hand: xlsxwriter would write every cell of the range.
    changed = io.BytesIO()
    with zipfile.ZipFile(content) as made, zipfile.ZipFile(changed, "w") as archive:
        for part in made.infolist():
            text = made.read(part).replace(
                b"</sheetData>",
                b'</sheetData><mergeCells count="1"><mergeCell ref="A3:XFD400000"/></mergeCells>',
            )
            archive.writestr(part.filename, text)
    return changed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("receipt.csv", b"", "the file is empty"),
        ("receipt.pdf", b"%PDF", "can be read"),
        ("../../etc/passwd", b"x", "can be read"),
        ("strange.csv", table(GOOD), "none of the types"),
        ("receipt.xlsx", b"PK\x03\x04 no book", "not an XLSX file"),
        ("receipt.xlsx", bomb, "unpacks to more than 32 MB"),
        ("receipt.xlsx", partial(bomb, 10), "unpacks to more than 32 MB"),
        ("receipt.xlsx", merged, "unmerge them"),
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
        "liar",
        "merged",
        "rows",
        "size",
        "none",
        "ris",
        "deep",
        "bib",
    ],
)
def test_what_cannot_be_read_is_said_on_the_page(
    name: str, content: bytes | Callable[[], bytes], said: str
) -> None:
    more = {"unit": "vnu/hus"} if said.startswith("not a file") else {}
    # Made only by the worker that needs it: a bomb takes a fifth of a second.
    made = content if isinstance(content, bytes) else content()
    answer = sent("try", name, made, **more)
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
        for action in ("report.csv", "report.xlsx", "effects.csv", "refused"):
            held = {action.partition(".")[0]: kept}
            assert sent(action, name="receipt.csv", **held).status_code == 400
    for wrong in (b"{}", b"[1]", b"[[{}]]", b"x"):
        kept = base64.b64encode(zlib.compress(wrong)).decode()
        assert sent("report.csv", report=kept, name="receipt.csv").status_code == 400


@pytest.mark.parametrize("version", ["1e999", "1.5", '"1"', "-9223372036854775809", "null", "{}"])
def test_a_plan_with_versions_that_no_row_has_imports_nothing(version: str) -> None:
    site = portal()
    form = Form(site)
    form.send("try", "receipt.csv", table(GOOD))
    plan = json.loads(zlib.decompress(base64.b64decode(form.held["plan"])))
    (row,) = plan["versions"]
    damaged = f'{{"digest": "{plan["digest"]}", "versions": {{"{row}": {version}}}}}'
    form.held["plan"] = base64.b64encode(zlib.compress(damaged.encode())).decode()
    assert form.send("commit").status_code == 200
    assert not written(site)


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


EXPORTS = {
    "scopus.csv": "EID,Source title,Title,DOI,ISSN,Year\n2-s2.0-1,J,Một bài,10.5555/a,,2025\n",
    "list.ris": "TY  - JOUR\nID  - k1\nTI  - Một bài\nDO  - 10.5555/b\nPY  - 2025\nER  - \n",
    "list.bib": "@article{k1, title={M{\\d o}t b{\\`a}i}, doi={10.5555/c}, year={2025}}",
    "list.json": '[{"DOI": "10.5555/d", "title": ["A"], "issued": {"date-parts": [[2025]]}}]',
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_of_literature_databases_are_read_as_the_command_reads_them(name: str) -> None:
    form = Form(portal())
    answer = form.send("try", name, EXPORTS[name].encode(), unit="vnu/hus", month_day="12-31")
    assert facts(answer)["new"] == "1"
    asked = form.site.site.services.asked  # type: ignore[attr-defined]
    ((row,),) = [each.rows for each in asked if isinstance(each, api.TryBatchesRequest)]
    assert row.content.facts.publication.issued_on == "2025-12-31"
    assert row.content.evidence[0].title == name


def test_rows_can_be_imported_although_their_effects_are_not_known() -> None:
    def away(request: Any) -> list[Any]:
        raise Refused("UNAVAILABLE", "the view is not there")

    site = portal()
    site.site.services.more["TryEvents"] = away  # type: ignore[attr-defined]
    answer = Form(site).send("try", "receipt.csv", table(GOOD))
    assert "cannot be tried right now" in answer.text
    assert 'value="commit"' in answer.text


@pytest.mark.parametrize("lang", list(Lang))
def test_the_template_of_a_type_is_downloaded_and_can_be_imported(
    lang: Lang, tmp_path: Path
) -> None:
    site = portal()
    page = asyncio.run(site.get("/import", lang=lang.value))
    assert 'action="/import/template"' in page.text
    answer = asyncio.run(site.get("/import/template", type="receipt", lang=lang.value))
    assert 'filename="receipt.xlsx"' in answer.headers["content-disposition"]
    (tmp_path / "receipt.xlsx").write_bytes(answer.content)
    found = spreadsheets.read(tmp_path / "receipt.xlsx")
    assert headings.read_header("receipt", found.header) == headings.columns("receipt")
    assert found.header[0].startswith({"vi": "Mã bản ghi", "en": "record_id"}[lang.value])


def test_a_template_of_no_type_is_refused() -> None:
    answer = asyncio.run(portal().get("/import/template", type="nothing"))
    assert answer.status_code == 400
