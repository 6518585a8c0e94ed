"""The live catalogue is asked for once in a while by each caller, and made ready once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.portal import catalogues
from services.portal.catalogues import Catalogue, Catalogues
from tests.unit.portal.answered import PERIOD, Answers, Portal


def read(answers: Answers, *tokens: str) -> list[Catalogue]:
    services: Any = answers
    kept = Catalogues(services)

    async def all_of_them() -> list[Catalogue]:
        return [await kept.live(token) for token in tokens]

    return asyncio.run(all_of_them())


def test_each_caller_asks_once_and_all_share_what_is_made_of_it() -> None:
    answers = Answers()
    found = read(answers, "one", "one", "other", "one")
    assert len(answers.asked) == 2
    assert all(each is found[0] for each in found)


def test_the_live_version_is_asked_for_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "LIVE_SECONDS", 0.0)
    answers = Answers()
    read(answers, "one", "one")
    assert len(answers.asked) == 2


def test_callers_of_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "CALLERS_MAX", 1)
    answers = Answers()
    read(answers, "one", "other", "one")
    assert len(answers.asked) == 3


UNITS = Catalogue(
    catalogue_pb2.Catalogue(
        units=[
            directory_pb2.Unit(unit_id="vnu"),
            directory_pb2.Unit(unit_id="vnu/hus", parent_id="vnu", abbreviation="ĐHKHTN"),
            directory_pb2.Unit(unit_id="vnu/uet", parent_id="vnu", valid_to="2999-12-31"),
            directory_pb2.Unit(unit_id="vnu/law", parent_id="vnu", valid_to="2022-09-23"),
        ]
    )
)


@pytest.mark.parametrize("given", ["hus", " HUS ", "vnu/huss", "đhkhtn"])
def test_a_unit_that_does_not_exist_may_be_another_one(given: str) -> None:
    assert UNITS.meant(given) == "vnu/hus"


def test_nothing_is_suggested_for_what_is_like_no_unit() -> None:
    assert UNITS.meant("zzzzzzzz") == UNITS.meant("") == ""


def test_a_unit_exists_until_its_last_day_is_over() -> None:
    assert [each.unit_id for each in UNITS.children("vnu")] == ["vnu/hus", "vnu/uet"]
    assert UNITS.below == {"vnu": ["vnu/hus", "vnu/uet"]}
    assert UNITS.parts == {"vnu": ["vnu/hus", "vnu/uet", "vnu/law"]}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/units/h", ""),
        ("/tree", "at"),
        ("/report", "unit"),
        ("/overlaps", "unit"),
        ("/partners", "unit"),
    ],
)
def test_pages_name_the_unit_that_may_be_meant(path: str, name: str) -> None:
    page = asyncio.run(Portal(Answers()).get(path, **({name: "h"} if name else {})))
    assert page.status_code == 404
    assert "Có phải a/x/h?" in page.text


def test_a_report_is_at_first_about_the_readers_own_unit() -> None:
    portal = Portal(Answers())
    portal.session = replace(portal.session, institution_id="a", unit_id="a/x")
    assert "<h1>a/x</h1>" in asyncio.run(portal.get("/report", **PERIOD)).text
