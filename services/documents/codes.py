"""QR codes, by which a printed page leads back to the page that it was printed from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import segno

BORDER = 4
"""Width in modules of the empty border that the standard asks for."""
ADDRESS_BYTES_MAX = 2000
"""Longest address of a code; the standard has room for a few more."""
PATHS_KEPT_MAX = 128
"""Number of paths that are kept, of some KiB each: to make one takes half as long as a page."""


def bars(address: str) -> tuple[int, Sequence[tuple[int, int, int]]]:
    """Return the QR code of an address: its width, and its dark bars as (x, y, length).

    All are in modules, from the top left corner, with the border. A code of which 15 % is damaged
    can still be read. The same address gives the same code.

    Args:
        address: the address, at most `ADDRESS_BYTES_MAX` bytes.
    """
    rows = list(segno.make_qr(address, error="m").matrix_iter(border=BORDER))
    found = []
    for y, row in enumerate(rows):
        x = 0
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                found.append((x, y, length))
            x += length
    return len(rows), found


@lru_cache(PATHS_KEPT_MAX)
def path(address: str) -> tuple[int, str]:
    """Return the width of the QR code of an address, and the path of an SVG that fills its bars.

    A module is one unit wide. The path needs no style, so a strict content security policy allows
    it. For the address see `bars`.
    """
    width, found = bars(address)
    return width, "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in found)
