"""The words that a shell may be offered: ids that earlier commands have read.

They are kept in a file of the data folder, so that completion never has to call a service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

FILE = "completion.json"
UNITS, INDICATORS, SUBMISSIONS = "units", "indicators", "submissions"
INSTITUTIONS = "institutions"
"""Kind of those units that are institutions; they are stored as units."""
WORDS_MAX = 5000
"""Maximum number of words of one kind that are stored; the oldest are removed first."""
KINDS = {
    **dict.fromkeys(("unit", "units", "below"), UNITS),
    **dict.fromkeys(("indicator", "indicators"), INDICATORS),
    "institution": INSTITUTIONS,
    "submission_id": SUBMISSIONS,
}
"""Name of a command's parameter -> kind of the words that are offered for it."""

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


def remembered(data: Path, kind: str) -> dict[str, str]:
    """Return the suggestions of a kind in a data folder; empty if there are none.

    Args:
        data: data folder of the stack, which need not exist.
        kind: a value of `KINDS`.
    """
    words = _read(data).get(UNITS if kind == INSTITUTIONS else kind, {})
    if kind == INSTITUTIONS:
        return {word: text for word, text in words.items() if "/" not in word}
    return words


def _read(data: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads((data / FILE).read_text(encoding="utf-8"))
        return {kind: {str(w): str(t) for w, t in words.items()} for kind, words in found.items()}
    except (OSError, ValueError, AttributeError):
        # The file is absent, or broken by a full disk; the next command writes it again.
        return {}
