"""Pages that show the same share one stream, whoever leaves, comes, or reads slowly."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from services.portal.broadcasts import AT_ONCE, Broadcasts, Update
from services.portal.calls import Refused

LONG = time.time() + 3600


def update(number: int, **cells: str) -> Update:
    return Update({"digest": str(number)}, cells)


class Source:
    """A stream that sends what the test puts in, and remembers whose token opened it."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.closed = 0
        self.sent: asyncio.Queue[Update | Refused | None] = asyncio.Queue()

    async def open(self, token: str) -> AsyncGenerator[Update]:
        self.tokens.append(token)
        try:
            while (each := await self.sent.get()) is not None:
                if isinstance(each, Refused):
                    raise each
                yield each
        finally:
            self.closed += 1


def run(test: Callable[[Broadcasts, Source], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(10):
            await test(Broadcasts(), Source())

    asyncio.run(within())


async def settled() -> None:
    """Let everything run that can run."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_all_pages_share_one_stream_and_who_comes_late_gets_every_cell() -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        pages = [
            broadcasts.listen("board", source.open, f"token {number}", LONG + number)
            for number in range(AT_ONCE * 2 + 1)
        ]
        firsts = [asyncio.create_task(anext(page)) for page in pages]
        await settled()
        source.sent.put_nowait(update(1, a="1", b="1"))
        assert {each.event for each in await asyncio.gather(*firsts)} == {
            update(1, a="1", b="1").event
        }
        source.sent.put_nowait(update(2, a="2"))
        assert (await anext(pages[0])).cells == {"a": "2"}
        late = broadcasts.listen("board", source.open, "late", LONG)
        assert (await anext(late)).cells == {"a": "2", "b": "1"}
        # All came before the stream was opened: it is opened for whom it lasts longest.
        assert source.tokens == [f"token {AT_ONCE * 2}"]
        assert len(broadcasts) == 1
        for page in (*pages, late):
            await page.aclose()
        await settled()
        assert (len(broadcasts), source.closed) == (0, 1)

    run(test)


def test_a_slow_reader_gets_the_newest_of_each_cell_at_once() -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        slow = broadcasts.listen("board", source.open, "token", LONG)
        first = asyncio.create_task(anext(slow))
        await settled()
        source.sent.put_nowait(update(0, a="0", b="0"))
        await first
        for number in range(1, 1001):
            source.sent.put_nowait(update(number, a=str(number)))
        source.sent.put_nowait(update(1001, b="last"))
        while not source.sent.empty():
            await asyncio.sleep(0)
        await settled()
        got = await anext(slow)
        assert got.cells == {"a": "1000", "b": "last"}
        assert json.loads(got.event.decode().partition("data: ")[2])["digest"] == "1001"
        await slow.aclose()

    run(test)


def test_what_comes_while_pages_are_told_is_told_in_one() -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        heard: list[list[Update]] = [[] for _ in range(AT_ONCE * 10)]

        async def page(number: int) -> None:
            async for each in broadcasts.listen("board", source.open, "token", LONG):
                heard[number].append(each)

        pages = [asyncio.create_task(page(number)) for number in range(len(heard))]
        await settled()
        for number in range(100):
            source.sent.put_nowait(update(number, **{f"c{number}": "1"}))
            await asyncio.sleep(0)
        source.sent.put_nowait(Refused("UNAVAILABLE", "the service is down"))
        for each in pages:
            with pytest.raises(Refused):
                await each
        for told in heard:
            assert len(told) < 50
            # Nothing is lost, not even what came just before the end.
            assert {name for each in told for name in each.cells} == {f"c{n}" for n in range(100)}
            assert told[-1].facts["digest"] == "99"

    run(test)


def test_a_refusal_of_one_user_is_not_that_of_the_others() -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        mine = broadcasts.listen("board", source.open, "mine", LONG + 1)
        others = broadcasts.listen("board", source.open, "others", LONG)
        waiting = [asyncio.create_task(anext(each)) for each in (mine, others)]
        await settled()
        source.sent.put_nowait(Refused("RESOURCE_EXHAUSTED", "too many streams"))
        source.sent.put_nowait(update(1, a="1"))
        with pytest.raises(Refused):
            await waiting[0]
        assert (await waiting[1]).cells == {"a": "1"}
        assert source.tokens == ["mine", "others"]
        await others.aclose()

    run(test)


@pytest.mark.parametrize("end", [Refused("UNAVAILABLE", "the service is down"), None])
def test_a_broken_stream_is_told_to_all_and_the_next_page_opens_another(
    end: Refused | None,
) -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        pages = [broadcasts.listen("board", source.open, each, LONG) for each in ("a", "b")]
        waiting = [asyncio.create_task(anext(each)) for each in pages]
        await settled()
        source.sent.put_nowait(end)
        for each in waiting:
            with pytest.raises(Refused, match="UNAVAILABLE"):
                await each
        again = broadcasts.listen("board", source.open, "c", LONG)
        source.sent.put_nowait(update(1, a="1"))
        assert (await anext(again)).cells == {"a": "1"}
        assert source.tokens == ["a", "c"]
        await again.aclose()

    run(test)


def test_an_unknown_error_of_the_stream_leaves_no_page_waiting() -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        async def failing(token: str) -> AsyncGenerator[Update]:
            async for each in source.open(token):
                yield each
                raise KeyError("kind.hours")

        page = broadcasts.listen("board", failing, "token", LONG)
        first = asyncio.create_task(anext(page))
        await settled()
        source.sent.put_nowait(update(1, a="1"))
        await first
        with pytest.raises(Refused, match="UNFORESEEN"):
            await anext(page)
        assert len(broadcasts) == 0

    run(test)


def test_updates_end_with_the_token_and_the_stream_goes_on_with_another() -> None:
    async def test(broadcasts: Broadcasts, source: Source) -> None:
        ending = broadcasts.listen("board", source.open, "ending", time.time() + 0.2)
        first = asyncio.create_task(anext(ending))
        await settled()
        staying = broadcasts.listen("board", source.open, "staying", LONG)
        second = asyncio.create_task(anext(staying))
        source.sent.put_nowait(update(1, a="1"))
        await first
        await second
        assert [each async for each in ending] == []
        while source.tokens != ["ending", "staying"]:
            await asyncio.sleep(0.01)
        source.sent.put_nowait(update(2, a="2"))
        assert (await anext(staying)).cells == {"a": "2"}
        await staying.aclose()

    run(test)
