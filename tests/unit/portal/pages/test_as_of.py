"""Numbers of a kept day: asked for on the page, kept in its links, not taken for the present."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote

import html5lib
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2, view_pb2
from services.portal.calls import Refused
from services.portal.domain import trust
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal

DAY = "2025-06-30"


@pytest.mark.parametrize("path", ["/", "/units/a"])
def test_a_day_is_asked_for_and_stays_in_the_links(path: str) -> None:
    answers = Answers()
    text = asyncio.run(Portal(answers).get(path, as_of=DAY, **PERIOD)).text
    html5lib.HTMLParser(strict=True).parse(text)
    asked = [each for each in answers.asked if isinstance(each, kpi_service_pb2.GetKpisRequest)]
    assert asked
    assert {each.as_of for each in asked} == {DAY}
    assert f'type="date" name="as_of" value="{DAY}"' in text
    assert f"đến hết ngày {DAY}" in text
    units = [part.partition('"')[0] for part in text.split('href="/units/')[1:]]
    assert units
    # On a unit one link leads back to the present.
    assert sum(f"as_of={DAY}" not in each for each in units) == (path != "/")


@pytest.mark.parametrize("path", ["/", "/units/a", "/report", "/indicators/KNW-03"])
def test_links_from_a_day_lead_to_the_same_day(path: str) -> None:
    portal = Portal(Answers())
    text = asyncio.run(portal.get(path, unit="a", as_of=DAY, **PERIOD)).text
    html5lib.HTMLParser(strict=True).parse(text)
    main = text.partition("<main")[2].partition("</main")[0]
    of_numbers = re.findall(r'href="(/(?:indicators|report|tree|units)[^"]*)"', main)
    back_to_the_present = 1
    assert sum(f"as_of={DAY}" not in unquote(each) for each in of_numbers) <= back_to_the_present
    assert of_numbers
    # The works behind a number are those of the present.
    assert 'href="/cells' not in main
    present = asyncio.run(portal.get(path, unit="a", **PERIOD)).text
    assert 'href="/cells' in present


@pytest.mark.parametrize(
    "path", ["/", "/units/a", "/report", "/indicators/KNW-01", "/agreement", "/tables/board.csv"]
)
def test_a_day_is_shown_by_the_catalogue_that_it_was_counted_by(path: str) -> None:
    """Of that day neither an indicator of today is asked for nor a unit, which would be refused."""
    former = catalogue_pb2.Catalogue(version=3, taxonomies=CATALOGUE.taxonomies)
    former.units.extend(each for each in CATALOGUE.units if each.unit_id != "c")
    former.indicators.extend(each for each in CATALOGUE.indicators if each.code != "KNW-03")

    def catalogue(
        request: catalogue_service_pb2.GetCatalogueRequest,
    ) -> catalogue_service_pb2.GetCatalogueResponse:
        found = former if request.version == 3 else CATALOGUE
        return catalogue_service_pb2.GetCatalogueResponse(catalogue=found)

    def days(request: kpi_service_pb2.ListKeptDaysRequest) -> kpi_service_pb2.ListKeptDaysResponse:
        view = view_pb2.ViewInfo(catalogue_version=3)
        kept = [kpi_service_pb2.KeptDay(day=day, view=view) for day in ("2025-07-31", DAY)]
        return kpi_service_pb2.ListKeptDaysResponse(days=kept)

    answers = Answers(GetCatalogue=catalogue, ListKeptDays=days)
    page = asyncio.run(Portal(answers).get(path, as_of=DAY, house="university", **PERIOD))
    assert page.status_code == 200
    asked = [each for each in answers.asked if isinstance(each, kpi_service_pb2.GetKpisRequest)]
    assert asked
    for each in asked:
        assert "KNW-03" not in each.selection.indicator_codes
        assert "c" not in each.selection.unit_ids


def test_without_a_day_nothing_is_said_of_one() -> None:
    text = asyncio.run(Portal(Answers()).get("/", **PERIOD)).text
    assert "không phải số hiện tại" not in text
    assert "as_of=" not in text


def test_a_day_that_is_not_kept_is_explained_in_vietnamese() -> None:
    said = "2025-06-30 is not kept (kept around it: 2025-07-01); a replay can recompute it"

    def refuse(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        raise Refused("FAILED_PRECONDITION", said)

    page = asyncio.run(Portal(Answers(GetKpis=refuse)).get("/", as_of=DAY, **PERIOD))
    assert page.status_code == 409
    assert "2025-06-30 không phải ngày lưu (ngày lưu gần đó: 2025-07-01)" in page.text


def test_the_present_grows_old_by_the_limits_of_the_alerts() -> None:
    text = asyncio.run(Portal(Answers()).get("/", **PERIOD)).text
    limits = f'data-amber="{trust.AMBER_SECONDS}" data-red="{trust.RED_SECONDS}"'
    assert text.count(limits) == 1
