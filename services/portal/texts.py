"""The texts of the pages in Vietnamese and English, from `vi.toml` and `en.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services import facts
from services.texts import Lang, read_texts

FOLDER = Path(__file__).parent


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    """Return dotted key -> text in a language; the file of a language is read at its first use.

    The names of facts, their values and submission types are those of `services.facts`.
    """
    return {**facts.texts(lang), **read_texts(FOLDER, lang)}


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


def work_name(key: str, lang: Lang) -> str:
    """Return what a work without title is called: its type and number, if its key has a type.

    For example, `transfer_contract:partner:00014:HĐ-32/2025` is called `hợp đồng chuyển giao
    HĐ-32/2025`; a key without type, as `doi:10.5555/1`, is its own name.

    Args:
        key: the key of the work.
        lang: language of the type.
    """
    type_, _, rest = key.partition(":")
    found = texts(lang).get(f"type.{type_}")
    return f"{found} {rest.rpartition(':')[2]}" if found and rest else key


def word(lang: Lang, group: str, name: str) -> str:
    """Return the display text of a protobuf name in a language; the name itself if there is none.

    Args:
        lang: language of the text.
        group: kind of the name: `fact` for a field of a submission, `value` for an enum value,
            `type` for a submission type, `works` for its plural, and so on.
        name: name as the contracts have it, e.g. `issued_on`.
    """
    return texts(lang).get(f"{group}.{name}", name)
