"""The units as a tree: to be read, searched, and to be led back from."""

from __future__ import annotations

import asyncio
import re
from html import unescape

import html5lib
import httpx
import pytest

from kieng.directory.v1 import directory_pb2
from kieng.directory.v1 import directory_service_pb2 as directory
from services.portal.pages import tree
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal

LINKS = re.compile(r'<a href="([^"]+)" data-unit="([^"]+)"')
NAME = directory_pb2.LocalizedText(vi="Khoa <i>Lý</i>", en="Physics")
UNITS = [each.unit_id for each in CATALOGUE.units]


def searched(request: directory.SearchUnitsRequest) -> directory.SearchUnitsResponse:
    """The directory knows one unit, and the view does not have all that it knows."""
    known = directory_pb2.Unit(unit_id="a/x", name=NAME)
    new = directory_pb2.Unit(unit_id="a/new")
    return directory.SearchUnitsResponse(units=[known, new] if request.query == "ly" else [])


def asked(path: str = "/tree", **query: str) -> httpx.Response:
    answer = asyncio.run(Portal(Answers(SearchUnits=searched)).get(path, **query))
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def links(answer: httpx.Response) -> dict[str, str]:
    """Unit id -> where it leads to."""
    return {unit_id: unescape(address) for address, unit_id in LINKS.findall(answer.text)}


def test_the_tree_has_each_unit_once_and_leads_to_it() -> None:
    answer = asked()
    assert sorted(unit_id for _, unit_id in LINKS.findall(answer.text)) == sorted(UNITS)
    assert links(answer)["a/x"] == "/units/a/x"


def test_what_a_page_shows_is_kept_but_its_unit() -> None:
    back = "/overlaps?unit=a&from=2025-01&to=2025-07&page=x"
    assert links(asked(back=back))["a/x"] == "/overlaps?from=2025-01&to=2025-07&unit=a%2Fx"
    assert links(asked(back="/units/a?house=state"))["a/x"] == "/units/a/x?house=state"


@pytest.mark.parametrize("back", ["//other.example/", "https://other.example", "/\\other.example"])
def test_it_never_leads_to_another_site(back: str) -> None:
    assert links(asked(back=back))["a/x"] == "/?unit=a%2Fx"


def test_units_are_found_by_the_directory_and_escaped() -> None:
    answer = asked(q=" ly ")
    assert links(answer) == {"a/x": "/units/a/x", "a/new": "/units/a/new"}
    assert "Khoa &lt;i&gt;" in answer.text
    assert links(asked(q=" ")).keys() == set(UNITS)


def test_what_no_unit_is_called_is_answered_so_and_escaped() -> None:
    answer = asked(q="<b>nobody</b>")
    assert links(answer) == {}
    assert "Không có đơn vị nào như vậy." in answer.text
    assert "<b>nobody" not in answer.text


def test_a_long_tree_is_a_link_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "DRAWN_MAX", 6)
    answer = asked()
    assert "a/x/g" not in links(answer)
    assert '<a data-more href="/tree?at=a%2Fx&amp;back=%2Funits%2F">' in answer.text
    assert "a/x/g" in links(asked(at="a/x"))


def test_a_unit_that_is_not_there_is_not_found() -> None:
    assert asked(at="nobody").status_code == 404


@pytest.mark.parametrize("path", ["/units/a", "/report", "/indicators/KNW-03"])
def test_pages_about_a_unit_offer_another_one(path: str) -> None:
    answer = asked(path, unit="a", **PERIOD)
    assert 'data-choose=""' in answer.text
    assert "tree.js" in answer.text


def test_the_report_stays_with_its_unit_in_another_period() -> None:
    assert (
        "/report?unit=a&amp;from=2025-07&amp;to=2025-07"
        in asked("/report", unit="a", **PERIOD).text
    )
