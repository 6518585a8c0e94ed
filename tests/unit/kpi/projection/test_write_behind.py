from __future__ import annotations

import threading

import pytest

from services.kernel.errors import OwnershipLost
from services.kpi.projection.write_behind import WriteBehind

SECONDS_MAX = 10


def test_the_caller_goes_on_while_something_is_written_and_waits_before_the_next_write() -> None:
    behind, may_end, order = WriteBehind(), threading.Event(), list[str]()

    def write(name: str) -> None:
        assert may_end.wait(SECONDS_MAX)
        order.append(name)

    behind.begin(write, "first")
    order.append("caller")
    may_end.set()
    behind.begin(write, "second")
    assert order[:2] == ["caller", "first"]
    behind.flush_pending()
    assert order == ["caller", "first", "second"]


def test_what_a_write_raised_is_raised_once_and_the_next_is_not_begun() -> None:
    behind, written = WriteBehind(), list[str]()

    def lose() -> None:
        raise OwnershipLost("another process owns it")

    behind.begin(lose)
    with pytest.raises(OwnershipLost):
        behind.begin(written.append, "next")
    behind.flush_pending()
    assert written == []


def test_nothing_to_settle_is_settled() -> None:
    WriteBehind().flush_pending()
