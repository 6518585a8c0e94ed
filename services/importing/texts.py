"""Messages about cells that cannot be read, in Vietnamese and English: `vi.toml`, `en.toml`.

Each problem has two texts: `cell.KIND.problem` says what is wrong, `cell.KIND.remedy` what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.texts import read_texts

FOLDER = Path(__file__).parent


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Return key -> text of a language, `vi` or `en`; the file is read on first use.

    Keys are dotted, e.g. `cell.amount.problem`; texts may have placeholders.
    """
    return read_texts(FOLDER, lang)


def text(lang: str, key: str, values: Mapping[str, str]) -> str:
    """Return a text in a language with its placeholders filled in.

    Args:
        lang: `vi` or `en`.
        key: dotted key of the text.
        values: name of a placeholder -> its value.

    Raises:
        KeyError: there is no such key, or a value that the text needs is missing.
    """
    return texts(lang)[key].format(**values)
