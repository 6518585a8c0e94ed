"""The picker of a trial names units as people do; programs are told how to get a token."""

from __future__ import annotations

import asyncio
from pathlib import Path

import html5lib
import httpx
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from services.portal.calls import Refused
from services.portal.trial import Picker
from tests.unit.portal.answered import Answers, Portal

NAME = "Đại học Quốc gia Hà Nội"


class Trial(Picker):
    """A picker whose institutions need no keys on the disk."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))

    def institutions(self) -> list[str]:
        """The institution of the presets."""
        return ["vnu"]

    def token(self, *_: object) -> tuple[str, float]:
        """A token that the services of these tests take."""
        return "token", 0.0


def catalogue(_: object) -> catalogue_service_pb2.GetCatalogueResponse:
    found = catalogue_pb2.Catalogue(version=1)
    found.units.add(unit_id="vnu").name.vi = NAME
    return catalogue_service_pb2.GetCatalogueResponse(catalogue=found)


def refuse(_: object) -> None:
    raise Refused("FAILED_PRECONDITION", "no view yet")


def shown(path: str, portal: Portal, **query: str) -> httpx.Response:
    answer = asyncio.run(portal.get(path, **query))
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def trial(answers: Answers) -> Portal:
    portal = Portal(answers)
    portal.site.picker = Trial()
    return portal


def test_the_picker_names_units_and_no_button_is_louder_than_the_others() -> None:
    page = shown("/sign-in", trial(Answers(GetCatalogue=catalogue)))
    assert f"Vào với vai trò Lãnh đạo, người xem của {NAME}" in page.text
    # What the catalogue does not name keeps its id.
    assert "của vnu/hus" in page.text
    assert f'<option value="vnu">{NAME}</option>' in page.text
    picker = page.text.partition('class="presets">')[2].partition("</div>")[0]
    assert picker.count("<button") == picker.count('<button class="quiet">') > 1


def test_one_can_sign_in_while_there_are_no_numbers_yet() -> None:
    page = shown("/sign-in", trial(Answers(GetCatalogue=refuse)))
    assert "Vào với vai trò Lãnh đạo, người xem của vnu" in page.text


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_who_follows_the_address_of_the_api_finds_the_document_and_a_token(path: str) -> None:
    page = shown(path, trial(Answers()), lang="en")
    assert page.status_code == 200
    assert 'href="/api/openapi.json"' in page.text
    assert "kieng token --institution vnu --role viewer" in page.text
    real = shown(path, Portal(Answers()), lang="en")
    assert "kieng token" not in real.text
    assert "ask its operator" in real.text
    assert "/api/kieng.kpi.v1.KpiService/GetKpis" in real.text
