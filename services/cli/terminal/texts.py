"""Looks up the texts that commands print, in the user's language, in `vi.toml` and `en.toml`.

The texts on cells that cannot be read are in `services/importing`, because the portal uses them,
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.importing import texts as importing
from services.texts import Lang, read_texts

FOLDER = Path(__file__).parent


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    """Return dotted key -> text in a language; the file of a language is read at its first use."""
    return {**read_texts(FOLDER, lang), **importing.texts(lang)}


def text(lang: Lang, key: str, **values: object) -> str:
    """Return the text of a key in a language, with its values filled in.

    Raises:
        KeyError: there is no such key, or a value that the text needs is missing.
    """
    return texts(lang)[key].format(**values)
