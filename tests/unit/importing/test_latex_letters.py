"""Vietnamese in BibTeX arrives as it is read, however LaTeX writes it."""

from __future__ import annotations

import unicodedata
from itertools import product

import pytest

from services.importing.bibliography_formats import bibtex
from services.importing.latex_letters import with_letters

TONES = {"": "", "\u0300": "`", "\u0301": "'", "\u0303": "~", "\u0309": "h", "\u0323": "d"}
SHAPES = {"\u0306": "u", "\u0302": "^"}
VOWELS = "aăâeêioôơuưy"
EVERY = [unicodedata.normalize("NFC", base + tone) for base, tone in product(VOWELS, TONES)]
LETTERS = [letter for letter in EVERY + [each.upper() for each in EVERY] if not letter.isascii()]


def title(latex: str) -> str:
    (record,) = bibtex(f"@misc{{key, title = {{{latex}}}}}")
    return record["title"]


def latex_of(letter: str, inside: str, around: str) -> str:
    """Write a letter by commands; ``inside`` and ``around`` are formats of a command's argument."""
    base, *marks = list(unicodedata.normalize("NFD", letter))
    order = sorted(marks, key="\u031b\u0306\u0302".find, reverse=True)
    text = base
    for depth, mark in enumerate(order):
        command = "" if mark == "\u031b" else f"\\{(TONES | SHAPES)[mark]}"
        form = inside if not depth else around
        text = f"{{\\{base}horn}}" if not command else form.format(command, text)
    return text


@pytest.mark.parametrize(
    ("inside", "around"),
    [("{}{{{}}}", "{}{{{}}}"), ("{{{}{{{}}}}}", "{}{{{}}}"), ("{} {}", "{{{} {}}}")],
)
def test_every_letter_of_vietnamese_is_read(inside: str, around: str) -> None:
    written = {letter: latex_of(letter, inside, around) for letter in LETTERS}
    read = {letter: title(f"x{{{latex}}}y") for letter, latex in written.items()}

    assert len(LETTERS) == 132
    assert read == {letter: f"x{letter}y" for letter in LETTERS}


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"Nguy{\~{\^e}}n", "Nguyễn"),
        (r"Nguy{\~\^e}n", "Nguyễn"),
        (r"Ph{\d a}m Th{\d{i}} {\DJ}{\`{\^o}}ng", "Phạm Thị Đồng"),
        (r"H{\h{\uhorn}}u {\'\i}ch", "Hửu ích"),
        (r"L\uhorn{}u \ohorn", "Lưu ơ"),
        (r"Erd{\H o}s, {\L}{\'o}d{\'z}, {\AA}ngstr{\"o}m, {\c c}a", "Erdős, Łódź, Ångström, ça"),
    ],
)
def test_names_of_the_field_are_read(latex: str, text: str) -> None:
    assert title(latex) == text


@pytest.mark.parametrize(
    "latex",
    [r"$\dot{x}$", r"\\'e", r"\uhornx", r"\H{1}", r"\d", r"\~{}", r"\hat{a}", r"\~{{\b q}}"],
)
def test_other_commands_stay_as_they_are(latex: str) -> None:
    assert with_letters(latex) == latex
