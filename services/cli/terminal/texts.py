"""Looks up the texts that commands print, in the user's language, in `vi.toml` and `en.toml`.

The texts on cells that cannot be read are in `services/importing`, because the portal uses them,
too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from services.importing import texts as importing

FOLDER = Path(__file__).parent


class Lang(StrEnum):
    """Language of names, headings and messages."""

    vi = "vi"
    en = "en"


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    """Return dotted key -> text in a language; the file of a language is read at its first use."""
    document = tomllib.loads((FOLDER / f"{lang.value}.toml").read_text(encoding="utf-8"))
    return {**dict(_flat(document)), **importing.texts(lang.value)}


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def text(lang: Lang, key: str, **values: object) -> str:
    """Return the text of a key in a language, with its values filled in.

    Raises:
        KeyError: there is no such key, or a value that the text needs is missing.
    """
    return texts(lang)[key].format(**values)
