"""How often a process that keeps a view in memory looks for cyclic garbage."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Look for cyclic garbage seldom in this process, for all its threads.

    A fold, or an image of a view, keeps hundreds of thousands of objects that live long and form no
    cycles. Going through them is a quarter of the fold's time, and stops every call for as long
    (docs/performance.md).
    """
    gc.set_threshold(100_000, 50, 1000)


def spare_what_is_here() -> None:
    """Never go through the objects that are there now; called when a large image has been read.

    Even a seldom search stops all calls: for 0.3 s when it goes through a million and a half.
    """
    gc.freeze()
