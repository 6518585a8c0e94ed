"""Writes values as text: amounts of money briefly, e.g. `52,5 tỷ`, unless every digit is wanted."""

from __future__ import annotations

from fractions import Fraction

from kieng.kpi.v1 import view_pb2
from services.amounts import Form, compact
from services.cli.terminal.render import Shown, number_text, value_text
from services.texts import Lang

MONEY = "vnd"
SHORT_FROM = 1_000_000
"""Smallest amount that is shortened; smaller ones are written in full."""


def amount_text(
    number: int, unit: str, lang: Lang, exact: bool = False, form: Form = "long"
) -> Shown:
    """Return a whole number as text; a large amount of money in short, e.g. `52.5 billion`.

    The text is a `Shown`, which carries the exact number for other formats, e.g. CSV. Amounts below
    `SHORT_FROM` and numbers that are not money have all their digits, e.g. `1,234`.

    Args:
        number: the number.
        unit: unit of measure of the indicator; only `vnd` is shortened.
        lang: language whose words and separators are used.
        exact: whether to write every digit.
        form: `short` for a letter instead of a word, e.g. `52.5B`.
    """
    if exact or unit != MONEY or abs(number) < SHORT_FROM:
        return number_text(number, lang)
    return Shown(compact(number, lang.value, form), number_text(number, lang).exact)


def short_text(value: view_pb2.Value, unit: str, lang: Lang, exact: bool = False) -> str:
    """Return a value as text, with large amounts of money in short, e.g. `52.5 billion`.

    A ratio is written as by `value_text`; an unset value is a dash.

    Args:
        value: the value.
        unit: unit of measure of the indicator; only `vnd` is shortened.
        lang: language whose words and separators are used.
        exact: whether to write every digit.
    """
    if value.HasField("whole"):
        return amount_text(value.whole, unit, lang, exact)
    return value_text(value, unit, lang)


def signed_text(number: int, unit: str, lang: Lang, exact: bool = False) -> Shown:
    """Return a difference as text with its sign, e.g. `+1,234`; 0 is written as `±0`.

    Args:
        number: the difference.
        unit: unit of measure of the indicator; only large amounts of `vnd` are shortened.
        lang: language whose words and separators are used.
        exact: whether to write every digit.
    """
    sign = "+" if number > 0 else "−" if number < 0 else "±"  # noqa: RUF001
    shown = f"{sign}{amount_text(abs(number), unit, lang, exact)}"
    return Shown(shown, number_text(number, lang).exact)


def fraction_of(value: view_pb2.Value) -> Fraction | None:
    """Return a value as an exact number; None if it is unset or its denominator is 0."""
    if value.HasField("whole"):
        return Fraction(value.whole)
    if value.HasField("ratio") and value.ratio.denominator:
        return Fraction(value.ratio.numerator, value.ratio.denominator)
    return None
