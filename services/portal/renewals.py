"""Younger tokens for sessions of a provider: each refresh token is used once, also by many tabs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from services.portal.providers import Grant, Provider, SignInFailed

REMEMBERED_SECONDS = 60
"""Other tabs still send the old cookie for a moment; providers take a second use for theft."""


class Renewals:
    """Renews grants. For one event loop.

    Args:
        providers: by institution.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self._running: dict[str, asyncio.Task[Grant]] = {}

    async def grant(self, institution_id: str, refresh_token: str) -> Grant:
        """Return what a refresh token brings.

        Raises:
            SignInFailed: there is no such provider, it refuses, or it does not answer.
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
