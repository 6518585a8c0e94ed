"""What services say when they refuse, in Vietnamese: `refusals.toml` maps their English sentences.

The command line and the portal show what services say, so both translate it.

A sentence may have places `{name}`. Services send English sentences with the values filled in; the
values are taken out again, and those that are words of the services are translated, too. A sentence
that is not in the table is shown as it was sent.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_PLACE = re.compile(r"\{[a-z_]+\}")


def in_language(sentence: str, lang: str) -> str:
    """Return a sentence of a service in a language; unchanged if it is not known.

    Args:
        sentence: what the service said.
        lang: `vi` or `en`.
    """
    if lang == "en":
        return sentence
    sentences, words = _table()
    if (plain := sentences.get(sentence)) is not None:
        return plain
    for pattern, translation in _patterns():
        if found := pattern.fullmatch(sentence):
            values = found.groupdict()
            said = {name: words.get(name, {}).get(text, text) for name, text in values.items()}
            return translation.format(**said)
    return sentence


def head_of(message: str, fields: Iterable[tuple[str, str]]) -> str:
    """Return a message without the fields that services repeat in it, so that each is shown once.

    Args:
        message: what the service said.
        fields: path of each wrong field, and what is wrong with it.
    """
    for name, problem in fields:
        # A service says a single problem as it is, several with their fields.
        said = problem if message == problem else f"{name}: {problem}"
        message = message.replace(said, "").strip("; ")
    return message.rstrip(":")


@cache
def _table() -> tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]:
    """Return sentence -> translation, and place -> word -> translation."""
    document = tomllib.loads((FOLDER / "refusals.toml").read_text(encoding="utf-8"))
    return document["sentences"], document["words"]


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], str]]:
    """Return the sentences with places as patterns; those with most words of their own first."""
    found = [each for each in _table()[0].items() if _PLACE.search(each[0])]
    found.sort(key=lambda each: -len(_PLACE.sub("", each[0])))
    return [(re.compile(pattern_of(sentence), re.DOTALL), said) for sentence, said in found]


def pattern_of(sentence: str) -> str:
    """Return the regular expression that a sentence with values in its places matches."""
    own = map(re.escape, _PLACE.split(sentence))
    places = [f"(?P<{place[1:-1]}>.+?)" for place in _PLACE.findall(sentence)]
    return "".join(part + place for part, place in zip(own, [*places, ""], strict=True))
