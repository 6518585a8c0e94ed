"""Names of the facts of submissions, their values and types, for people: `vi.toml`, `en.toml`.

The command line and the portal share them, so that both write the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.texts import read_texts

FOLDER = Path(__file__).parent


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Return dotted key -> text in a language, `vi` or `en`; its file is read at the first use.

    Keys are `fact.NAME` for fields of a submission, `value.NAME` for values of enums and
    `type.NAME` for submission types.
    """
    return read_texts(FOLDER, lang)


def word(lang: str, group: str, name: str) -> str:
    """Return the display text of a protobuf name in a language; the name itself if there is none.

    Args:
        lang: `vi` or `en`.
        group: `fact`, `value` or `type`.
        name: name as the contracts have it, e.g. `issued_on`.
    """
    return texts(lang).get(f"{group}.{name}", name)
