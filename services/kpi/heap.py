"""Garbage collection in processes that keep a view in memory."""

from __future__ import annotations

import gc


def tune_gc() -> None:
    """Make cyclic garbage collection rarer in this process.

    A fold, or a cube in memory, keeps hundreds of thousands of long-lived objects without cycles.
    At the default thresholds collecting them takes a quarter of the fold's time and pauses every
    call for as long (docs/performance.md).
    """
    gc.set_threshold(100_000, 50, 1000)


def freeze_heap() -> None:
    """Exclude all live objects from garbage collection. Call it after loading a large view.

    A full collection over 1.5 million objects would pause every call for 0.3 s, however rarely.
    """
    gc.freeze()
