"""The words of the pages in Vietnamese and English, from `vi.toml` and `en.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


class Lang(StrEnum):
    """Language of a page."""

    vi = "vi"
    en = "en"


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    """Return the texts of a language by dotted key; the file is read on first use."""
    document = tomllib.loads((FOLDER / f"{lang.value}.toml").read_text(encoding="utf-8"))
    return dict(_flat(document))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def text(lang: Lang, key: str, **values: object) -> str:
    """Return a text in a language with its values filled in.

    Raises:
        KeyError: no such key, or a value that the text needs is missing.
    """
    return texts(lang)[key].format(**values)


def word(lang: Lang, group: str, name: str) -> str:
    """Return the word of a group for a name of the contracts; the name itself if there is none.

    Args:
        lang: language.
        group: `fact`, `value`, `type`, `works` and so on.
        name: name as contracts have it; a unit id or a code of a catalogue stays as it is.
    """
    return texts(lang).get(f"{group}.{name}", name)
