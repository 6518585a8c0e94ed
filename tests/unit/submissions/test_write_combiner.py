"""What threads write at the same moment goes into one write, and each hears of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.submissions.write_combiner import Together

SECONDS = 10


class Slow:
    """A database that is busy until it is told to go on; its first write holds up all others."""

    def __init__(self) -> None:
        self.writes: list[list[int]] = []
        self.is_busy = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.writes.append(list(items))
        self.is_busy.set()
        assert self.go_on.wait(SECONDS)
        if any(item < 0 for item in items):
            raise ValueError("one cannot be written")
        return [10 * item for item in items]


def waiting(together: Together[int, int]) -> int:
    return len(together._waiting)


def wait_for(together: Together[int, int], count: int) -> None:
    """Until so many threads wait for their turn."""
    pause = threading.Event()
    for _ in range(1000):
        if waiting(together) == count:
            return
        pause.wait(0.01)
    raise AssertionError(f"{waiting(together)} wait, not {count}")


def test_a_lone_item_is_written_at_once() -> None:
    slow = Slow()
    slow.go_on.set()
    together = Together(slow, 5)
    assert together(4) == 40
    assert together(5) == 50
    assert slow.writes == [[4], [5]]


@pytest.mark.parametrize(("most", "sizes"), [(50, [1, 8]), (3, [1, 3, 3, 2])])
def test_who_waits_is_written_together_and_gets_its_own_result(most: int, sizes: list[int]) -> None:
    slow = Slow()
    together = Together(slow, most)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(together, 0)
        assert slow.is_busy.wait(SECONDS)
        others = [pool.submit(together, number) for number in range(1, 9)]
        wait_for(together, 8)
        slow.go_on.set()
        assert first.result(SECONDS) == 0
        assert [other.result(SECONDS) for other in others] == [10 * n for n in range(1, 9)]
    assert [len(write) for write in slow.writes] == sizes
    assert sorted(item for write in slow.writes for item in write) == list(range(9))


def test_an_error_is_raised_to_all_that_were_written_together_and_to_nobody_else() -> None:
    slow = Slow()
    together = Together(slow, 50)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(together, 1)
        assert slow.is_busy.wait(SECONDS)
        others = [pool.submit(together, number) for number in (2, -3)]
        wait_for(together, 2)
        slow.go_on.set()
        assert first.result(SECONDS) == 10
        for other in others:
            with pytest.raises(ValueError, match="one cannot be written"):
                other.result(SECONDS)
    assert together(7) == 70
