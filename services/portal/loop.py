"""Watches the event loop: how long one step of the portal's own keeps all others waiting."""

from __future__ import annotations

import asyncio
import time

from services.portal import metrics

EVERY_SECONDS = 0.05


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
