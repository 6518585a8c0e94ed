"""Signing in at the institution's OpenID Connect provider, and signing out."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import structlog
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.kernel.errors import NotFound, Unauthenticated
from services.portal.pages.sign_in import form_page, local_path
from services.portal.sessions import Session, admitted
from services.portal.sign_in_providers import Attempt, SignInFailed
from services.portal.site import Page

if TYPE_CHECKING:
    from services.portal.providers import Provider

log = structlog.get_logger()

ATTEMPT_SECONDS = 600
PURPOSE = "sign-in"


async def begin(page: Page) -> Response:
    """Answer `/sign-in/INSTITUTION`: redirect the browser to the institution's provider.

    If the provider does not answer, the answer is the sign-in page with the reason.

    Raises:
        NotFound: the institution has no provider. The caller's fault.
    """
    provider = _provider(page)
    try:
        url, attempt = await asyncio.to_thread(
            provider.begin, local_path(page.query.get("next", "/"))
        )
    except SignInFailed as failed:
        return await _failed(page, "/", str(failed))
    sessions = page.site.sessions
    sealed = sessions.seal(PURPOSE, asdict(attempt))
    answer = RedirectResponse(url, 303)
    cookie = sessions.header(_cookie_name(page), sealed, ATTEMPT_SECONDS)
    answer.headers.append("set-cookie", cookie)
    return answer


async def callback(page: Page) -> Response:
    """Answer `/sign-in/INSTITUTION/callback`: start a session for the person who signed in.

    If signing in failed or took more than ten minutes, the answer is the sign-in page with the
    reason and status 401.

    Raises:
        NotFound: the institution has no provider. The caller's fault.
    """
    provider, sessions = _provider(page), page.site.sessions
    sealed = page.request.cookies.get(_cookie_name(page), "")
    content = sessions.unseal(PURPOSE, sealed, ATTEMPT_SECONDS)
    if content.get("institution_id") != provider.entry.institution_id:
        return await _failed(page, "/", page.text("sign_in.too_late"))
    attempt = Attempt(**content)
    try:
        grant = await asyncio.to_thread(provider.finish, attempt, dict(page.query))
        session = admitted(Session.fresh(), page.site.issuers, grant.access_token)
        if session.institution_id != provider.entry.institution_id:
            raise Unauthenticated("the token is of another institution")
    except (SignInFailed, Unauthenticated) as failed:
        return await _failed(page, attempt.back, str(failed))
    session = replace(
        session, refresh_token=grant.refresh_token, name=grant.name, is_by_provider=True
    )
    page.cookie = sessions.cookie(session)
    answer = RedirectResponse(attempt.back, 303)
    answer.headers.append("set-cookie", sessions.header(_cookie_name(page), "", 0))
    return answer


async def sign_out(page: Page, given: FormData) -> Response:
    """End the session here and, if it was begun by a provider, there too.

    Args:
        page: the page.
        given: the fields of the form; none is needed.
    """
    page.cookie = page.site.sessions.ended()
    provider = page.site.providers.get(page.session.institution_id)
    if provider is None or not page.session.is_by_provider:
        return RedirectResponse(page.href("/"), 303)
    back = urljoin(page.site.settings.public_url, "/")
    try:
        url = await asyncio.to_thread(provider.end_url, back)
    except SignInFailed as failed:
        log.warning("the provider's session goes on", reason=str(failed))
        url = ""
    page.session = Session.fresh()
    answer = page.html("signed_out.html", url=url)
    if url:
        # Not a redirect: the content security policy forbids forms that lead to another site.
        answer.headers["refresh"] = f"0; url={url}"
    return answer


def _provider(page: Page) -> Provider:
    found = page.site.providers.get(page.request.path_params["institution_id"])
    if found is None:
        raise NotFound(page.text("refused.no_page"))
    return found


def _cookie_name(page: Page) -> str:
    return f"{page.site.sessions.name}-{PURPOSE}"


async def _failed(page: Page, back: str, reason: str) -> Response:
    log.warning("sign-in failed", reason=reason)
    return await form_page(page, back, page.text("sign_in.failed", reason=page.said(reason)), 401)
