"""The live catalogue is asked for once in a while by each caller, and made ready once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.portal import catalogues
from services.portal.catalogues import Catalogue, Catalogues
from tests.unit.portal.answered import Answers


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
