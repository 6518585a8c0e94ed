"""Translates the English error messages of the services to Vietnamese, by `refusals.toml`.

The command line and the portal both show error messages of services, so they share this module.

The table maps English sentences, which may have placeholders such as `{name}`, to Vietnamese ones.
Services send sentences with the values filled in. To translate one, the values are extracted, those
that are words of the services (e.g. states) are translated, and all are filled into the Vietnamese
sentence. A sentence that is not in the table is shown as the service sent it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

FOLDER = Path(__file__).parent
PROBLEM = "problem"
"""Name of the placeholder whose value is itself a sentence to translate."""
NUMBERS = frozenset({"seconds", "free", "total"})
"""Names of placeholders whose values are numbers, which Vietnamese writes as 1.234,5."""
_SEPARATORS = str.maketrans(",.", ".,")
_PLACE = re.compile(r"\{[a-z_]+\}")


class Sentences:
    """A table of English sentences and their translations; both may have placeholders.

    Args:
        sentences: English sentence -> translation with the same placeholders.
        words: name of a placeholder -> possible value, a word of the services -> its translation.
    """

    def __init__(
        self, sentences: Mapping[str, str], words: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._sentences = sentences
        self._words = words or {}

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], str]]:
        """Pairs of pattern and translation, for sentences with placeholders, most literal first."""
        found = [each for each in self._sentences.items() if _PLACE.search(each[0])]
        found.sort(key=lambda each: -len(_PLACE.sub("", each[0])))
        return [(re.compile(pattern_of(sentence), re.DOTALL), said) for sentence, said in found]

    def told(self, sentence: str) -> str:
        """Return the translation of a sentence, with the values that the sentence contains.

        If several sentences of the table match, an equal one is used, else the one with most
        literal text. A sentence that matches none is returned unchanged.
        """
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
        if place in NUMBERS:
            return text.translate(_SEPARATORS)
        return self.told(text) if place == PROBLEM else self._words.get(place, {}).get(text, text)


def in_language(sentence: str, lang: str) -> str:
    """Return an error message of a service in a language; unchanged if there is no translation.

    Args:
        sentence: the English message, with its values filled in.
        lang: `vi`; for `en`, the message is returned as it is.
    """
    return sentence if lang == "en" else _table().told(sentence)


def head_of(message: str, fields: Iterable[tuple[str, str]]) -> str:
    """Return an error message without the field problems that it repeats.

    Callers show these on their own, so each is shown once: `not valid: doi: is missing` becomes
    `not valid` if `doi` is one of the fields. The result is empty if nothing else is left.

    Args:
        message: message of the error that a service returned.
        fields: (path, problem) of each field violation in the details of that error.
    """
    for name, problem in fields:
        # A message repeats a single problem as it is, and several with the paths of their fields.
        said = problem if message == problem else f"{name}: {problem}"
        message = message.replace(said, "").strip("; ")
    return message.rstrip(":")


@cache
def _table() -> Sentences:
    document = tomllib.loads((FOLDER / "refusals.toml").read_text(encoding="utf-8"))
    return Sentences(document["sentences"], document["words"])


def pattern_of(sentence: str) -> str:
    """Return a regular expression that matches a sentence whose placeholders are filled in.

    To be used with `fullmatch`: each value has at least one character, and the rest is literal.

    Args:
        sentence: sentence with placeholders; each `{name}` becomes a group of that name.
    """
    own = map(re.escape, _PLACE.split(sentence))
    places = [f"(?P<{place[1:-1]}>.+?)" for place in _PLACE.findall(sentence)]
    return "".join(part + place for part, place in zip(own, [*places, ""], strict=True))
