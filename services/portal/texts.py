"""The texts of the pages in Vietnamese and English, from `vi.toml` and `en.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


class Lang(StrEnum):
    """Language of a page: Vietnamese or English."""

    vi = "vi"
    en = "en"


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    """Return dotted key -> text of a language, e.g. `health.view`; the file is read on first use.

    Texts may have placeholders such as `{name}`.
    """
    document = tomllib.loads((FOLDER / f"{lang.value}.toml").read_text(encoding="utf-8"))
    return dict(_flat(document))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def text(lang: Lang, key: str, **values: object) -> str:
    """Return a text in a language with its placeholders filled in.

    Args:
        lang: language of the text.
        key: dotted key of the text, e.g. `health.view`.
        values: values of the placeholders.

    Raises:
        KeyError: there is no such key, or a value that the text needs is missing.
    """
    return texts(lang)[key].format(**values)


def word(lang: Lang, group: str, name: str) -> str:
    """Return the display text of a protobuf name in a language; the name itself if there is none.

    Args:
        lang: language of the text.
        group: kind of the name: `fact` for a field of a submission, `value` for an enum value,
            `type` for a submission type, `works` for its plural, and so on.
        name: name as the contracts have it, e.g. `issued_on`.
    """
    return texts(lang).get(f"{group}.{name}", name)
