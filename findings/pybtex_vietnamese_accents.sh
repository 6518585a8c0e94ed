#!/usr/bin/env bash
# pybtex reads LaTeX accents by the table of latexcodec, where a letter has one accent at most, of those of Western and
# Central Europe. Of the 134 letters of Vietnamese beyond ASCII, 94 are not read: without error or warning the
# inner accent is read, the outer command stays in the text, and its braces go, so that "Nguy{\~{\^e}}n" becomes
# "Nguy\~ên", of which nobody can tell what it covers. Nor are the 94 written: latexcodec raises for them.
# Seen with pybtex 0.26.1 and latexcodec 3.0.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pybtex==0.26.1 latexcodec==3.0.1
cat >seen.py <<'PYTHON'
import unicodedata
from itertools import product

import latexcodec  # noqa: F401 registers the codec
from pybtex.database import parse_string

TONES = {"": "", "\u0300": "`", "\u0301": "'", "\u0303": "~", "\u0309": "h", "\u0323": "d"}
SHAPES = {"\u0306": "u", "\u0302": "^"}
VOWELS = "aăâeêioôơuưy"


def latex(letter):
    """Write a letter as LaTeX does in any encoding of fonts, one command in another."""
    base, *marks = unicodedata.normalize("NFD", letter)
    text = {"đ": r"{\dj}", "Đ": r"{\DJ}"}.get(base, base)
    for mark in sorted(marks, key="\u031b\u0306\u0302".find, reverse=True):
        text = f"{{\\{base}horn}}" if mark == "\u031b" else f"\\{(TONES | SHAPES)[mark]}{{{text}}}"
    return text


def read(text):
    entries = parse_string(f"@misc{{key, author = {{{text}, A}}}}", "bibtex").entries
    return str(entries["key"].persons["author"][0].rich_last_names[0])


def writable(letter):
    try:
        return bool(letter.encode("latex"))
    except UnicodeEncodeError:
        return False


every = [unicodedata.normalize("NFC", base + tone) for base, tone in product(VOWELS + VOWELS.upper(), TONES)]
letters = [letter for letter in every + ["đ", "Đ"] if not letter.isascii()]
unread = [letter for letter in letters if read(f"{{{latex(letter)}}}") != letter]
unwritten = [letter for letter in letters if not writable(letter)]
print(f"of {len(letters)} letters {len(unread)} are not read, {len(unwritten)} not written, the same: {unread == unwritten}")
names = {text: read(text) for text in (r"Nguy{\~{\^e}}n", r"Ph{\d{a}}m", r"{\DJ}{\`o}")}
print(names)
as_found = {r"Nguy{\~{\^e}}n": r"Nguy\~ên", r"Ph{\d{a}}m": r"Ph\d am", r"{\DJ}{\`o}": "Đò"}
raise SystemExit((len(letters), len(unread), unread == unwritten, names) != (134, 94, True, as_found))
PYTHON
venv/bin/python seen.py
