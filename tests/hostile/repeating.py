"""What all attacks share: calls that are made again and again, and calls that are held."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import grpc

CALLERS = 16
ABANDONED_SECONDS = 0.5
"""Seconds after which a caller leaves before it is answered."""
STREAM_SECONDS = 2.0
"""The same for a stream, half-way."""
NAME = "attack"
"""Of every thread that repeats a call."""
YEARS = ("2021-01", "2021-12")
INDICATOR = "KNW-03"

# A call that is dropped is cancelled.
HELD: list[Any] = []
over = threading.Event()
Attack = Callable[[grpc.Channel, Any], None]


def repeat(call: Callable[[], Any]) -> None:
    """Make a call again and again from many threads, whatever is answered."""

    def work() -> None:
        while not over.is_set():
            try:
                call()
            except grpc.RpcError:
                over.wait(0.01)

    for _ in range(CALLERS):
        threading.Thread(target=work, name=NAME, daemon=True).start()


def answered(call: Callable[[], Any]) -> Any:
    """Make a call that an attack needs before it begins until it is answered; return the answer.

    Other attacks of the same institution are on their way, and such a call meets its limits.
    """
    while not over.is_set():
        try:
            return call()
        except grpc.RpcError:
            over.wait(0.1)
    return None


def repeat_each(*calls: Callable[[], Any]) -> None:
    """Make several calls in turn, again and again from as many threads as for one."""
    turns = itertools.cycle(calls)
    lock = threading.Lock()

    def call() -> Any:
        with lock:
            chosen = next(turns)
        return chosen()

    repeat(call)
