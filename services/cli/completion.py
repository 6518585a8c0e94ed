"""Shell completion of units, indicators, institutions and submissions.

Suggests names that earlier commands have seen, from a file in the data folder, so that completion
never has to call a service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import typer

FILE = "completion.json"
UNITS, INDICATORS, SUBMISSIONS = "units", "indicators", "submissions"
WORDS_MAX = 5000
"""Maximum number of words of one kind that are stored; the oldest are removed first."""

Words = Mapping[str, str]
"""Text to suggest, e.g. the id of a unit -> explanation that the shell shows next to it."""


def remember(data: Path, kind: str, words: Words) -> None:
    """Add suggestions to those in the data folder; do nothing if its file cannot be written.

    If one kind has more than `WORDS_MAX`, those stored longest ago are dropped.

    Args:
        data: data folder of the stack; nothing is stored if it does not exist.
        kind: `UNITS`, `INDICATORS` or `SUBMISSIONS`.
        words: suggestions of that kind; one that is known already gets its new explanation.
    """
    known = _read(data)
    before = known.get(kind, {})
    kept = {word: text for word, text in before.items() if word not in words} | dict(words)
    known[kind] = dict([*kept.items()][-WORDS_MAX:])
    if known[kind] == before:
        return
    draft = data / f"{FILE}.{os.getpid()}"
    # A command does not fail because a convenience cannot be had.
    with suppress(OSError):
        if data.is_dir():
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
            draft.replace(data / FILE)


def _read(data: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads((data / FILE).read_text(encoding="utf-8"))
        return {kind: {str(w): str(t) for w, t in words.items()} for kind, words in found.items()}
    except (OSError, ValueError, AttributeError):
        # The file is absent, or broken by a full disk; the next command writes it again.
        return {}


def _completer(kind: str, is_wanted: Callable[[str], bool]) -> Callable[..., list[tuple[str, str]]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        data = ctx.params.get("data") or os.environ.get("KIENG_DATA") or ".kieng"
        words = _read(Path(data)).get(kind, {})
        return [
            (word, text)
            for word, text in words.items()
            if word.startswith(incomplete) and is_wanted(word)
        ]

    return complete


_UNITS = _completer(UNITS, lambda word: True)
_INDICATORS = _completer(INDICATORS, lambda word: True)
COMPLETERS = {
    **dict.fromkeys(("unit", "units", "below"), _UNITS),
    **dict.fromkeys(("indicator", "indicators"), _INDICATORS),
    "institution": _completer(UNITS, lambda word: "/" not in word),
    "submission_id": _completer(SUBMISSIONS, lambda word: True),
}
"""Name of a command's parameter -> function that returns its completions."""
