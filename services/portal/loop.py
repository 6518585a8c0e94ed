"""The event loop: spreads work over its steps, and measures how long a step blocks the others."""

from __future__ import annotations

import asyncio
import time

from services.portal import metrics

EVERY_SECONDS = 0.02
"""Interval of the measurements."""


class Turnstile:
    """Lets one task continue per step of the event loop, so that many do not block the others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def let_in(self) -> None:
        """Wait until all earlier callers have been let in, then for one step of the event loop."""
        async with self._turn:
            await asyncio.sleep(0)


async def watch() -> None:
    """Measure by how long the event loop is late, for the metric `BLOCKED`, until cancelled.

    Only processor time of this thread counts, so a busy machine is not mistaken for a long step.
    """
    loop = asyncio.get_running_loop()
    while True:
        due, used = loop.time() + EVERY_SECONDS, time.thread_time()
        await asyncio.sleep(EVERY_SECONDS)
        late = max(0.0, loop.time() - due)
        metrics.BLOCKED.observe(min(late, time.thread_time() - used))
