"""Reads and writes shares of a work, which people state in per cent and services in millionths."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

WHOLE_PPM = 1_000_000
"""The whole work, in parts per million."""
PPM_OF_PERCENT = 10_000
DECIMALS = 4
"""Decimals of a percentage that still matter: one part per million is 0.0001 %."""
UNCLEAR_PPM = 100
"""Largest number of millionths that is rather meant as a percentage: 100 of them are 0.01 %."""
SHARE = re.compile(r"(\d{1,7}(?:[.,]\d{1,20})?)\s*(%?)", re.ASCII)


def ppm_of(text: str, *, is_percent: bool = False) -> int:
    """Return the share that a text states, in parts per million.

    A text with a percent sign is a percentage: `50%` and `33,3333 %` give 500000 and 333333. A bare
    number is one, too, if ``is_percent``; otherwise it is a number of millionths. Bare numbers that
    may be meant either way are refused: those up to 100 in millionths, and fractions below 1, which
    may be half of the work or half of a per cent. So is nothing of the work, 0%, because 0
    millionths mean that no share is declared.

    Args:
        text: what somebody wrote; without outer blanks.
        is_percent: whether a number without a percent sign is a percentage.

    Raises:
        ValueError: the text is no number, is more than the whole, or may be meant either way. The
            fault of its author.
    """
    found = SHARE.fullmatch(text)
    if found is None:
        raise ValueError(f"no share: {text!r}")
    number, has_sign = Decimal(found[1].replace(",", ".")), bool(found[2])
    is_unclear = 0 < number < 1 or (not is_percent and 0 < number <= UNCLEAR_PPM)
    if is_unclear and not has_sign:
        raise ValueError(f"unclear share: {text!r}")
    factor = PPM_OF_PERCENT if has_sign or is_percent else 1
    ppm = (number * factor).quantize(Decimal(1), ROUND_HALF_EVEN)
    is_nothing = factor > 1 and not ppm
    if ppm > WHOLE_PPM or (factor == 1 and ppm != number) or is_nothing:
        raise ValueError(f"no share: {text!r}")
    return int(ppm)


def percentage(ppm: int, lang: str) -> str:
    """Return a share as a percentage without its sign, exactly: 333333 gives `33,3333` in `vi`.

    Args:
        ppm: parts per million; not negative, may be more than the whole.
        lang: `vi` or `en`, which decides on the decimal sign.
    """
    percents, rest = divmod(ppm, PPM_OF_PERCENT)
    decimals = f"{rest:0{DECIMALS}d}".rstrip("0")
    sign = "," if lang == "vi" else "."
    return f"{percents}{sign}{decimals}" if decimals else str(percents)
