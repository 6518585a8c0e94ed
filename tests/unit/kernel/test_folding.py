"""One identifier, however it is written."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from services.kernel.folding import folded, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a \u00a0 b\t\n", "a b"),
        ("a\u200bb\u00adc\ufeff", "abc"),
        ("E\u0302\u0300", "Ề"),
        ("\uff11\uff12", "12"),
        ("\u200b \u2060", ""),
    ],
)
def test_what_nobody_sees_is_left_out(text: str, shown: str) -> None:
    assert visible(text) == shown


MINUS = [*"\u2212\u02d7\u207b\u208b\u2796", "\u2043", "\u00ac"]


def test_every_dash_is_a_hyphen() -> None:
    every = map(chr, range(sys.maxunicode))
    dashes = [character for character in every if unicodedata.category(character) == "Pd"]
    assert len(dashes) > 20
    others = [dash for dash in (*dashes, *MINUS) if folded(f"hđ 12{dash}2018") != "HĐ 12-2018"]
    assert others == []


@pytest.mark.parametrize("letter", "đĐðÐɖƉ")
def test_what_looks_like_the_letter_with_a_stroke_is_it(letter: str) -> None:
    assert folded(f"q{letter}") == "QĐ"


@pytest.mark.parametrize("text", ["12/2018", " 12 / 2018", "12/ 2018", "12 /2018"])
def test_blanks_around_a_separator_do_not_matter(text: str) -> None:
    assert folded(text) == "12/2018"


def test_other_blanks_and_separators_keep_what_reads_as_different_apart() -> None:
    assert len({folded(text) for text in ("KC 02", "KC02", "KC-02", "KC.02", "KC/02")}) == 5


@pytest.mark.parametrize("text", ["Ｋc.02／ 23", "hđ–1 a"])  # noqa: RUF001 - on purpose
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)
