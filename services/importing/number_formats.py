"""What the format of a cell shows beside its number: a percent sign, letters, units of money."""

from __future__ import annotations

import re

from services.importing import money
from services.importing.cells import MaskedNumber, PercentNumber, UnreadableCell

Shown = UnreadableCell | type[float] | None
"""Class that a number gets, or what is wrong with it; None if its format shows just the number."""
BUILT_IN: dict[int, Shown] = {
    9: PercentNumber,
    10: PercentNumber,
    11: UnreadableCell("cell.turned_number"),
    48: UnreadableCell("cell.turned_number"),
}
"""Ids of formats that are built in: 0%, 0.00%, 0.00E+00, ##0.0E+0."""
# 000, 0000-000: formats that add zeros or signs to the number.
ZEROS = re.compile(r"00|0+[-/ ]0")
# "PT"0, 0"/2018", \\H0: formats that add letters or digits.
LITERAL = re.compile(r'"([^"]*)"|\\(.)')
DONG = frozenset({"đ", "đồng", "vnd", "vnđ"})
CURRENCY = re.compile(r"\[\$([^\[\]-]*)(?:-[^\[\]]*)?\]")
LENGTH_MAX = 255
"""Maximum length of a format in a spreadsheet, in characters; a longer one is not looked at."""
# 0,, "triệu" shows the 15 of 15,000,000.
SCALED = re.compile(r"[0#?],+(?![0#?,])")


def shown_by(code: str) -> Shown:
    """Return what a format makes of a number; None if it shows the number as it is.

    Args:
        code: the code of the format, e.g. `#,##0" triệu"`; its part for positive numbers counts.
    """
    if len(code) > LENGTH_MAX:
        return None
    positive = code.split(";")[0]
    if re.search(r"E\+", positive):
        return UnreadableCell("cell.turned_number")
    if "%" in positive:
        return PercentNumber
    said = CURRENCY.sub(r" \1 ", positive).replace('"', " ").replace("\\", "")
    # In parentheses, as in a heading, where `tr` is short for a million.
    if money.is_other(f"({said})") and not SCALED.search(positive):
        return UnreadableCell("cell.other_unit")
    literals = ("".join(found).strip().casefold() for found in LITERAL.findall(positive))
    adds = any(re.search(r"\w", each) and each not in DONG for each in literals)
    return MaskedNumber if adds or ZEROS.match(positive) else None
