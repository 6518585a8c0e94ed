"""Ends the reading of works whose caller has left, so that it costs no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from services.kernel.errors import Refusal

T = TypeVar("T")


class CallerLeft(Refusal, status="CANCELLED", reason="CALLER_LEFT"):
    """The caller left, or its deadline passed, before it was answered."""


def always() -> bool:
    """Return True, as does a caller who never leaves."""
    return True


def while_wanted(items: Iterable[T], is_wanted: Callable[[], bool]) -> Iterator[T]:
    """Yield items as long as the caller is there.

    Args:
        items: may be lazy; then those after the caller left are not even read.
        is_wanted: asked before each item; returns False once the caller has left.

    Raises:
        CallerLeft: the caller has left.
    """
    for item in items:
        if not is_wanted():
            raise CallerLeft("the caller left before the answer was complete")
        yield item
