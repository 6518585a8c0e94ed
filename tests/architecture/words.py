"""Words that docstrings and comments of services avoid, and the form of the glossary.

A word in backquotes or quotation marks is quoted, e.g. from a contract, and allowed.
"""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import parse, python_files, text_of

CLEAN_PACKAGES = (
    "services/exporter",
    "services/kernel",
    "services/kpi",
    "services/notifications",
    "services/partners",
    "services/portal",
    "services/submissions",
)
INSTEAD = {
    r"tells?|told": "return, report, notify or log",
    r"nobody": "no process, no caller, or the passive",
    r"stands": "is, or the thing's state or position",
    r"hand(?:s|ed|ing)? over": "pass, deliver or transfer",
    r"hand(?:s|ed|ing)? in": "submit",
    r"whoever": "the caller, the owner, any thread",
    r"as whom": "subject to act as",
    r"for ever": "permanently, or append-only",
}
NOT = "; not:"
QUOTED = re.compile(r"``.*?``|`[^`]*`|\"[^\"]*\"|“[^”]*”", re.DOTALL)
ROW = re.compile(r"^\| ([^|]*?) \| ([^|]*?) \| ([^|]*?) \|$", re.MULTILINE)


def words_of_the_field(root: Path, packages: tuple[str, ...] = CLEAN_PACKAGES) -> list[str]:
    """Return a line for each avoided word in the docstrings and comments of packages."""
    return [
        f"{path.relative_to(root)}:{line + text.count(chr(10), 0, word.start())}: "
        f"{word[0]!r}; write {instead}"
        for package in packages
        for path in python_files(root / package)
        for line, text in prose(path)
        for avoided, instead in INSTEAD.items()
        for word in re.finditer(rf"\b(?:{avoided})\b", _unquoted(text), re.IGNORECASE)
    ]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield first line and text of every docstring, attribute docstrings included, and comment."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Expr) and (text := text_of(node)) is not None:
            yield node.lineno, text
    source = io.StringIO(path.read_text(encoding="utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def other_words(root: Path) -> list[str]:
    """Return a line for each Vietnamese text that has another word than the glossary's."""
    glossary = (root / "docs/glossary.md").read_text(encoding="utf-8")
    avoided = {
        word.strip(): row[1].partition(NOT)[0]
        for row in ROW.findall(glossary)
        for word in row[1].partition(NOT)[2].split(",")
        if word.strip()
    }
    files = [*(root / "services").rglob("vi.toml"), *(root / "services").rglob("refusals.toml")]
    return [
        f"{path.relative_to(root)}:{number}: {word!r}; write {wanted!r}"
        for path in sorted(files)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for word, wanted in avoided.items()
        if re.search(rf"\b{word}\b", line, re.IGNORECASE)
    ]


def _unquoted(text: str) -> str:
    # Line breaks stay, so that line numbers do.
    return QUOTED.sub(lambda quoted: re.sub(r"[^\n]", "_", quoted[0]), text)


def glossary_is_sound(root: Path) -> list[str]:
    """Return a line for each term that is repeated, lacks Vietnamese, or is out of order."""
    text = (root / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [row for row in ROW.findall(text) if row[0] != "Word" and not row[0].startswith("-")]
    terms = [term.strip().lower() for row in rows for term in row[0].split(",")]
    found = [f"{term}: explained {n} times" for term, n in Counter(terms).items() if n > 1]
    found += [f"{row[0]}: has no Vietnamese word" for row in rows if not row[1].strip()]
    heads = [row[0].lower() for row in rows]
    found += [
        f"{after}: belongs before {before}"
        for before, after in itertools.pairwise(heads)
        if after < before
    ]
    return found if rows else ["no terms"]
