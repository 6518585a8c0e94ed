"""A session goes on with a younger token, unless that could not be kept."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from services.portal import site as sites
from services.portal.config import Settings
from services.portal.sessions import COOKIE_MAX, Session
from services.portal.sign_in_providers import Grant
from services.portal.site import Site


@pytest.mark.parametrize(("length", "is_kept"), [(900, True), (COOKIE_MAX, False)])
def test_a_token_that_fits_into_no_cookie_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, length: int, is_kept: bool
) -> None:
    class Renewals:
        async def grant(self, institution_id: str, refresh_token: str) -> Grant:
            return Grant("t" * length, "second", "")

    def admit(session: Session, issuers: Any, token: str) -> Session:
        return replace(session, token=token, expires_at=time.time() + 900)

    monkeypatch.setattr(sites, "admitted", admit)
    site = Site(Settings(_env_file=None))
    site.renewals = Renewals()  # type: ignore[assignment]
    session = replace(
        Session.fresh(),
        token="t",
        expires_at=time.time() + 60,
        subject="a@vnu",
        institution_id="vnu",
        refresh_token="first",
    )
    found = asyncio.run(site.renewed(session))
    assert (found is not session) == is_kept
    assert found.refresh_token == ("second" if is_kept else "first")
