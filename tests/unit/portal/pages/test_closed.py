"""Reports of closed periods: of the signed content alone, the same bytes for everybody."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from fractions import Fraction
from typing import Any

import html5lib
import httpx
import pytest
from google.protobuf.json_format import MessageToDict

from kieng.kpi.v1 import edition_service_pb2 as editions
from services.portal.pages.closed import Content
from tests.unit.documents.test_pdf import letters
from tests.unit.portal.answered import CATALOGUE, Answers, Portal

DOCUMENT: dict[str, Any] = {
    "edition_id": "2025-h1",
    "title": "Nửa đầu <b>2025</b>",
    "unit": "a",
    "from": "2025-01",
    "to": "2025-06",
    "closed_at": "2025-07-02T03:04:05+00:00",
    "view": {"view_id": "g1-c1-f1", "digest": "d" * 64},
    "definitions": MessageToDict(CATALOGUE, preserving_proto_field_name=True),
    "targets": {"a|KNW-03|2025": 120},
    "cells": [
        ["a", "KNW-03", 70, 60],
        ["a", "KNW-04", [7, 2], [5, 2]],
        ["a/x", "KNW-03", 8, 8],
    ],
}


def get(request: editions.GetEditionRequest) -> editions.GetEditionResponse:
    edition = editions.Edition(edition_id="2025-h1", title=DOCUMENT["title"], unit_id="a")
    return editions.GetEditionResponse(edition=edition, content=json.dumps(DOCUMENT).encode())


def asked(role: str = "viewer", **query: str) -> httpx.Response:
    portal = Portal(Answers(GetEdition=get), role)
    answer = asyncio.run(portal.get("/editions/2025-h1/report", **query))
    if answer.headers["content-type"].startswith("text/html"):
        html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def test_the_numbers_are_those_that_were_signed() -> None:
    figures = {each.code: f for each, f in Content.read(json.dumps(DOCUMENT).encode()).figures("a")}
    first = figures["KNW-03"]
    assert (first.verified, first.declared, first.target, first.attainment) == (
        60,
        70,
        120,
        Fraction(1, 2),
    )
    undefined = [c for c, f in figures.items() if f.verified is None]
    ratios = [
        each.code
        for each in CATALOGUE.indicators
        if each.HasField("denominator") or each.attainment_of
    ]
    assert undefined == ratios


@pytest.mark.parametrize(
    ("targets", "reached"), [({}, None), ({"a|KNW-01|2025": 10}, Fraction(0))], ids=["no", "one"]
)
def test_of_a_target_nothing_is_reached_where_nothing_counts(
    targets: dict[str, int], reached: Fraction | None
) -> None:
    content = Content.read(json.dumps({**DOCUMENT, "targets": targets}).encode())
    found = {each.code: figure for each, figure in content.figures("a")}
    assert (found["KNW-08"].verified, found["KNW-08"].declared) == (reached, reached)
    assert found["KNW-08"].target is None


def test_a_target_is_not_held_against_months_that_do_not_begin_with_its_year() -> None:
    content = Content.read(json.dumps({**DOCUMENT, "from": "2025-02"}).encode())
    assert all(f.target is None for each, f in content.figures("a") if not each.value.until)


def test_the_page_shows_them_escaped_with_what_they_stand_on() -> None:
    text = asked(unit="a/x").text
    assert "Nửa đầu &lt;b&gt;2025" in text
    assert "2025-07-02 03:04 UTC" in text
    assert "d" * 64 in text
    assert "/editions/2025-h1/report?unit=a%2Fx" in text


@pytest.mark.parametrize("kind", ["pdf", "csv", "xlsx"])
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_everybody_gets_the_same_bytes(kind: str, lang: str) -> None:
    files = {asked(role, file=kind, lang=lang).content for role in ("viewer", "approver")}
    assert len(files) == 1
    assert len(files.pop()) > 500


def test_the_document_can_be_copied_and_leads_back() -> None:
    answer = asked(file="pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="kieng-2025-h1-a.pdf"' in answer.headers["content-disposition"]
    assert b"20250702030405" in answer.content
    assert set("/editions2025-h1?utahversy") <= letters(answer.content)


def test_files_have_exact_numbers_and_what_they_stand_on() -> None:
    lines = list(csv.reader(io.StringIO(asked(file="csv").content.decode("utf-8-sig"))))
    row = next(line for line in lines if line[0] == "KNW-03")
    assert row[3:] == ["60", "70", "120", "0.5", "Nhà trường"]
    houses = {line[7] for line in lines if len(line) == 8}
    assert {
        "Liên minh",
        "Nhà nước",
        "Nhà trường",
        "Nhà doanh nghiệp",
        "Chung cho mọi nhà",
    } < houses
    assert lines[-1][1].endswith("/editions/2025-h1/report?unit=a")


def test_a_unit_outside_of_the_edition_is_not_found() -> None:
    assert asked(unit="b").status_code == 404
    assert asked(unit="nobody").status_code == 404


def test_the_whole_address_is_printed_if_the_portal_knows_it() -> None:
    portal = Portal(Answers(GetEdition=get))
    known = {"public_url": "https://kieng.example/"}
    portal.site.settings = portal.site.settings.model_copy(update=known)
    text = asyncio.run(portal.get("/editions/2025-h1/report")).text
    assert re.search(r"https://kieng\.example/editions/2025-h1/report\?unit=a", text)
