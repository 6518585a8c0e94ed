"""The page for people who want to read the numbers with a program of their own."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.site import Page


async def programs(page: Page) -> Response:
    """Answer `/api` and `/api/`: where the contract is, how to get a token, and a first call."""
    picker, session = page.site.picker, page.session
    institutions = [] if picker is None else picker.institutions()
    origin = page.site.settings.public_url or str(page.request.base_url)
    return page.html(
        "api.html",
        is_trial=bool(institutions),
        institution=session.institution_id or next(iter(institutions), ""),
        unit=session.unit_id or "consortium",
        origin=origin.rstrip("/"),
    )
