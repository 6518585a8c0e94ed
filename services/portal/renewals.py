"""Renews the tokens of sessions by OpenID Connect; each refresh token is used only once.

A user's browser tabs share a session, so several may need a new token at the same moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from services.portal.config import Settings
from services.portal.sign_in_providers import Grant, SignInFailed, listed

if TYPE_CHECKING:
    from services.portal.providers import Provider

REMEMBERED_SECONDS = 60
"""How long a grant is remembered for tabs that still send the old cookie.

Providers treat a second use of a refresh token as theft.
"""


def by_institution(settings: Settings) -> Mapping[str, Provider]:
    """Return institution id -> its provider; empty if none is listed.

    Raises:
        ValidationError: the list is not JSON, or an entry is wrong. The operator's fault.
    """
    if not (entries := listed(settings)):
        return {}
    # Its libraries are a quarter of all that a portal imports, and only a sign-in needs them.
    from services.portal.providers import Provider

    public = settings.public_url
    return {each.institution_id: Provider(each, public) for each in entries}


class Renewals:
    """Exchanges the refresh tokens of sessions for new tokens. Belongs to one event loop.

    Args:
        providers: institution id -> its provider.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self._running: dict[str, asyncio.Task[Grant]] = {}

    async def grant(self, institution_id: str, refresh_token: str) -> Grant:
        """Return the tokens that a provider gives for a refresh token.

        Calls with the same refresh token within a minute share one exchange and its result, also if
        it has failed.

        Args:
            institution_id: institution of the user.
            refresh_token: the refresh token of the session.

        Raises:
            SignInFailed: the institution's provider is no longer listed, refuses, or does not
                answer.
        """
        provider = self._providers.get(institution_id)
        if provider is None:
            raise SignInFailed("the provider is no longer listed")
        if refresh_token not in self._running:
            renewing = asyncio.to_thread(provider.renew, refresh_token)
            self._running[refresh_token] = asyncio.create_task(renewing)
            loop = asyncio.get_running_loop()
            loop.call_later(REMEMBERED_SECONDS, self._running.pop, refresh_token, None)
        return await asyncio.shield(self._running[refresh_token])
