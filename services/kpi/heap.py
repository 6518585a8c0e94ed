"""Garbage collection of processes that keep a view in memory."""

from __future__ import annotations

import gc


def tune_gc() -> None:
    """Raise the thresholds of cyclic garbage collection for this process, all threads included.

    A fold, or a cube in memory, keeps hundreds of thousands of long-lived objects without cycles.
    Collecting at the default rate takes a quarter of the fold's time and pauses every call for as
    long (docs/performance.md).
    """
    gc.set_threshold(100_000, 50, 1000)


def freeze_heap() -> None:
    """Exclude all live objects from garbage collection; call after loading a large image.

    A full collection over 1.5 million objects pauses every call for 0.3 s, however rare it is.
    """
    gc.freeze()
