"""Live updates: all pages that show the same numbers share one stream of a service.

A page that is slow to take updates gets only the newest value of each cell, so what is queued for a
page is never more than one whole board. Not thread-safe: for one event loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import structlog

from services.portal.calls import Refused
from services.portal.loop import Turnstile

log = structlog.get_logger()

ADMITTED_MAX = 10_000
"""Number of tokens whose admission is remembered; a token is valid for 15 minutes."""
AT_ONCE = 25
"""Number of pages that get an update in one step of the event loop."""
PERSONAL = ("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED")
"""Refusals that concern only the caller who opened a stream, not the others who share it."""


@dataclass(frozen=True)
class Update:
    """Changes to a board, which is a table of numbers by unit and indicator.

    Args:
        facts: name -> value of what pages show about the numbers as a whole, e.g. `digest`; each
            update has all of them.
        cells: `UNIT|INDICATOR` -> the present HTML of each cell that changed.
    """

    facts: Mapping[str, str | bool]
    cells: Mapping[str, str]

    @cached_property
    def event(self) -> bytes:
        """The update as a server-sent event named `cells`; encoded once for all pages.

        Its data is a JSON object with the facts and, under the key `cells`, the cells.
        """
        content = {**self.facts, "cells": self.cells}
        return f"event: cells\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode()

    def then(self, newer: Update) -> Update:
        """Return a new update that has the same effect as this one followed by a newer one.

        It has the facts of the newer one, and the cells of both; a cell in both is the newer one's.
        """
        return Update(newer.facts, {**self.cells, **newer.cells})


Open = Callable[[str], AsyncGenerator[Update]]
"""Opens a stream with the given token; its first update contains every cell."""


class Listener:
    """The queue of updates of one page.

    Args:
        token: token of the page's user.
        ends_at: Unix time at which the token expires, and the updates end.
    """

    def __init__(self, token: str, ends_at: float) -> None:
        self.token, self.ends_at = token, ends_at
        self._waiting: Update | None = None
        self._refused: Refused | None = None
        self._news = asyncio.Event()

    def give(self, update: Update) -> None:
        """Queue an update for the page, merged with those that it has not yet taken.

        It does not wait: the queue is one update, with at most the cells of one board.
        """
        self._waiting = update if self._waiting is None else self._waiting.then(update)
        self._news.set()

    def refuse(self, refused: Refused) -> None:
        """End the page's updates with a refusal, which it gets after the update that is queued."""
        self._refused = refused
        self._news.set()

    async def updates(self) -> AsyncGenerator[Update]:
        """Yield updates as they come, until the token expires; those that waited come as one.

        Raises:
            Refused: the services refused the stream, or it broke.
        """
        left = self.ends_at - time.time()
        ending = asyncio.get_running_loop().call_later(left, self._news.set)
        try:
            while time.time() < self.ends_at:
                await self._news.wait()
                self._news.clear()
                if self._waiting is not None:
                    update, self._waiting = self._waiting, None
                    yield update
                if self._refused is not None:
                    raise self._refused
        finally:
            ending.cancel()


class Admissions:
    """Remembers which tokens the services have accepted for reading a shared stream.

    So the services are asked once per token, and not once per page; the rights of a token never
    change. Refused tokens are not remembered.
    """

    def __init__(self) -> None:
        self._asked: OrderedDict[str, asyncio.Task[Any]] = OrderedDict()
        self._turnstile = Turnstile()

    async def admit(self, token: str, ask: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Return once the services have accepted a token, at once if they have done so before.

        Args:
            token: token of the user who wants to read.
            ask: makes a call with this token that the services refuse to those who may not read.

        Raises:
            Refused: the services refused the token, or did not answer; the next page asks again.
        """
        asked = self._asked.get(token)
        if asked is None or (asked.done() and _has_failed(asked)):
            asked = self._asked[token] = asyncio.create_task(ask())
            if len(self._asked) > ADMITTED_MAX:
                self._asked.popitem(last=False)
        await asyncio.shield(asked)
        # Many pages may have waited for the same answer.
        await self._turnstile.let_in()


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


class Broadcasts:
    """The shared streams that are open now; one for each thing that pages show, e.g. a board."""

    def __init__(self) -> None:
        self._running: dict[Hashable, _Broadcast] = {}

    async def listen(
        self, name: Hashable, opens: Open, token: str, ends_at: float
    ) -> AsyncGenerator[Update]:
        """Yield an update with every cell, then one whenever cells change, until the token expires.

        The caller has to make sure beforehand that the user may read what is shown.

        Args:
            name: identifies what is shown; callers that pass an equal name share one stream.
            opens: opens the stream, with the token of any of the users who share it.
            token: token of this user.
            ends_at: Unix time at which the token expires.

        Raises:
            Refused: the services refused the stream, or it broke.
        """
        listener = Listener(token, ends_at)
        broadcast = self._running.get(name)
        if broadcast is None:
            broadcast = self._running[name] = _Broadcast(opens)
        broadcast.join(listener)
        try:
            async with aclosing(listener.updates()) as updates:
                async for update in updates:
                    yield update
        finally:
            if broadcast.leave(listener) and self._running.get(name) is broadcast:
                del self._running[name]

    def __len__(self) -> int:
        """Return the number of open streams."""
        return len(self._running)


class _Broadcast:
    def __init__(self, opens: Open) -> None:
        self._opens = opens
        self._listeners: dict[Listener, None] = {}
        self._state: Update | None = None
        self._untold: Update | None = None
        self._being_told: Update | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def join(self, listener: Listener) -> None:
        self._listeners[listener] = None
        if self._state is not None:
            listener.give(self._state)
        if self._task is None or self._task.done():
            self._state = None
            self._task = asyncio.create_task(self._run())

    def leave(self, listener: Listener) -> bool:
        """Remove a listener, close the stream if it was the last one, and return whether it was."""
        self._listeners.pop(listener, None)
        if not self._listeners and self._task is not None:
            self._task.cancel()
        return not self._listeners

    async def _run(self) -> None:
        while self._listeners:
            lead = max(self._listeners, key=lambda each: each.ends_at)
            try:
                async with asyncio.timeout(lead.ends_at - time.time()):
                    await self._follow(lead.token)
                broken = Refused("UNAVAILABLE", "the stream has ended")
            except TimeoutError:
                # The token has expired, and the updates of its page end; the others go on.
                self._listeners.pop(lead, None)
                continue
            except Refused as refused:
                broken = refused
            except Exception as error:
                # Otherwise every page would wait in silence until its token ends.
                log.error("unknown error", exc_info=error)
                broken = Refused("UNFORESEEN", "the stream broke")
            concerned = [lead] if broken.code in PERSONAL else list(self._listeners)
            for each in concerned:
                self._listeners.pop(each, None)
                each.refuse(broken)

    async def _follow(self, token: str) -> None:
        self._state = self._untold = self._being_told = None
        telling = asyncio.create_task(self._tell())
        try:
            async with aclosing(self._opens(token)) as updates:
                async for update in updates:
                    self._state = update if self._state is None else self._state.then(update)
                    self._untold = update if self._untold is None else self._untold.then(update)
                    self._news.set()
        finally:
            telling.cancel()
            # These have not reached every page yet; to get one twice does no harm.
            for last in filter(None, (self._being_told, self._untold)):
                for listener in self._listeners:
                    listener.give(last)

    async def _tell(self) -> None:
        """Pass each page what has arrived, merged, and rest as long as that took."""
        clock = asyncio.get_running_loop().time
        while await self._news.wait():
            self._news.clear()
            began, update, self._untold = clock(), self._untold, None
            if update is None:
                continue
            self._being_told = update
            for at, listener in enumerate(list(self._listeners), start=1):
                listener.give(update)
                if at % AT_ONCE == 0:
                    await asyncio.sleep(0)
            self._being_told = None
            await asyncio.sleep(clock() - began)
