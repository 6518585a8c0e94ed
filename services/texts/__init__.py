"""Texts in the languages of readers, from files that translators edit: `vi.toml`, `en.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any


class Lang(StrEnum):
    """Language of names, headings and messages."""

    vi = "vi"
    en = "en"


def read_texts(folder: Path, lang: str) -> dict[str, str]:
    """Return dotted key -> text in a language, e.g. `import.done` for `done` in `[import]`.

    Args:
        folder: has a file for each language, e.g. `vi.toml`; it is read in each call.
        lang: a value of `Lang`.
    """
    return dict(_flat(tomllib.loads((folder / f"{lang}.toml").read_text(encoding="utf-8"))))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
