"""The event loop: what keeps its steps short, and how long one keeps all others waiting."""

from __future__ import annotations

import asyncio
import time

from services.portal import metrics

EVERY_SECONDS = 0.02


class Turnstile:
    """Lets one in with each step of the event loop: many at once do not hold up the others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def let_in(self) -> None:
        """Return when it is the caller's turn."""
        async with self._turn:
            await asyncio.sleep(0)


async def watch() -> None:
    """Measure until cancelled.

    What counts is processor time of this thread, so a busy machine is not taken for a slow step.
    """
    loop = asyncio.get_running_loop()
    while True:
        due, used = loop.time() + EVERY_SECONDS, time.thread_time()
        await asyncio.sleep(EVERY_SECONDS)
        late = max(0.0, loop.time() - due)
        metrics.BLOCKED.observe(min(late, time.thread_time() - used))
