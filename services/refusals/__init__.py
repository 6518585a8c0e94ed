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
from functools import cache, cached_property
from pathlib import Path

FOLDER = Path(__file__).parent
PROBLEM = "problem"
"""Place of a sentence that is another sentence."""
_PLACE = re.compile(r"\{[a-z_]+\}")


class Sentences:
    """English sentences with places for values, and what they are in another language.

    Args:
        sentences: sentence -> translation, both with the same places.
        words: name of a place -> word of the services -> translation.
    """

    def __init__(
        self, sentences: Mapping[str, str], words: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._sentences = sentences
        self._words = words or {}

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], str]]:
        """The sentences with places as patterns; those with most words of their own first."""
        found = [each for each in self._sentences.items() if _PLACE.search(each[0])]
        found.sort(key=lambda each: -len(_PLACE.sub("", each[0])))
        return [(re.compile(pattern_of(sentence), re.DOTALL), said) for sentence, said in found]

    def told(self, sentence: str) -> str:
        """Return the translation of a sentence with values; the sentence if it is not known."""
        if (plain := self._sentences.get(sentence)) is not None:
            return plain
        for pattern, translation in self._patterns:
            if found := pattern.fullmatch(sentence):
                places = found.groupdict().items()
                return translation.format(
                    **{name: self._value(name, text) for name, text in places}
                )
        return sentence

    def _value(self, place: str, text: str) -> str:
        return self.told(text) if place == PROBLEM else self._words.get(place, {}).get(text, text)


def in_language(sentence: str, lang: str) -> str:
    """Return a sentence of a service in a language; unchanged if it is not known.

    Args:
        sentence: what the service said.
        lang: `vi` or `en`.
    """
    return sentence if lang == "en" else _table().told(sentence)


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
def _table() -> Sentences:
    document = tomllib.loads((FOLDER / "refusals.toml").read_text(encoding="utf-8"))
    return Sentences(document["sentences"], document["words"])


def pattern_of(sentence: str) -> str:
    """Return the regular expression that a sentence with values in its places matches."""
    own = map(re.escape, _PLACE.split(sentence))
    places = [f"(?P<{place[1:-1]}>.+?)" for place in _PLACE.findall(sentence)]
    return "".join(part + place for part, place in zip(own, [*places, ""], strict=True))
