"""The pages, read: their links and their command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`((?:kieng|make) [^`\n]+)`")
TESTED = re.compile(r"\btests/[\w./-]*\w\.(?:py|toml|json)\b")
SEPARATORS = {"&&", "||", ";", "|", ">"}


@cache
def pages() -> list[Path]:
    folders = ("docs", "deploy", "helm", "protos")
    return sorted([*ROOT.glob("*.md"), *(p for f in folders for p in (ROOT / f).rglob("*.md"))])


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield file and anchor of every link into the repository."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path if path else page), anchor


def named_tests(page: Path) -> list[str]:
    """Return the files of tests that a page names in its text, links and fences."""
    return TESTED.findall(page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def pasted(page: Path) -> Iterator[list[str]]:
    """Yield every call of make or kieng in fences of a shell: somebody pastes it as it stands."""
    for kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind in ("bash", "console", "text"):
            for line in body.replace("\\\n", " ").splitlines():
                yield from calls(line.removeprefix("$ "))


def mentioned(page: Path) -> Iterator[list[str]]:
    """Yield every call of make or kieng in running text, which need not be complete."""
    for line in INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        yield from calls(line)


def commands(page: Path) -> Iterator[list[str]]:
    """Yield every call of make or kieng."""
    yield from pasted(page)
    yield from mentioned(page)


def calls(line: str) -> Iterator[list[str]]:
    # What a substitution runs is a command line of its own.
    for inner in re.findall(r"\$\(([^)]*)\)", line):
        yield from calls(inner)
    call: list[str] = []
    for word in [*shlex.split(line, comments=True), ";"]:
        if word in SEPARATORS:
            if call and Path(call[0]).name in ("make", "kieng"):
                yield [Path(call[0]).name, *call[1:]]
            call = []
        else:
            call.append(word)
