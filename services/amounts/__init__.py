"""Shortens large whole numbers for display, in the words of a language.

The command line and the portal share this module, so that an amount reads the same in both.
"""

from __future__ import annotations

from typing import Literal

Form = Literal["short", "long"]


def compact(number: int, lang: str, form: Form = "long") -> str:
    """Return a number shortened to thousands, millions and so on, e.g. `52.5 billion`.

    The result has at most one decimal, rounded; numbers between -1,000 and 1,000 are unchanged.

    Args:
        number: the number to write; may be negative.
        lang: `vi` or `en`; decides the words and the decimal separator.
        form: `long` for a word (`52.5 billion`, `52,5 tỷ`) or `short` for a letter (`52.5B`).
    """
    # Imported late: importing Babel takes longer than most commands of the command line run.
    from babel.numbers import format_compact_decimal

    # Babel chooses the word before it rounds: 999,999,999 would be 1000 million, not a billion.
    thousands = (len(str(abs(number))) - 1) // 3
    rounded = round(number, 1 - 3 * thousands)
    return str(format_compact_decimal(rounded, format_type=form, locale=lang, fraction_digits=1))
