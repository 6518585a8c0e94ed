"""Writes large whole numbers in a few characters, in the words of a language.

The command line and the portal show amounts of money so, and both have to show the same.
"""

from __future__ import annotations

from typing import Literal

Form = Literal["short", "long"]


def compact(number: int, lang: str, form: Form = "long") -> str:
    """Return a number with at most one decimal and a word for its thousands, e.g. `52,5 tỷ`.

    Args:
        number: the number.
        lang: `vi` or `en`.
        form: `short` for a letter instead of a word, e.g. `52.5B`.
    """
    # Imported late, because it takes longer than most commands of the command line.
    from babel.numbers import format_compact_decimal

    # Babel chooses the word before it rounds: 999,999,999 would be 1000 million, not a billion.
    thousands = (len(str(abs(number))) - 1) // 3
    rounded = round(number, 1 - 3 * thousands)
    return str(format_compact_decimal(rounded, format_type=form, locale=lang, fraction_digits=1))
