"""Renews the tokens of sessions by OpenID Connect; each refresh token is used only once.

A user's browser tabs share a session, so several may need a new token at the same moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from services.portal.providers import Grant, Provider, SignInFailed

REMEMBERED_SECONDS = 60
"""How long a grant is remembered for tabs that still send the old cookie.

Providers treat a second use of a refresh token as theft.
"""


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
