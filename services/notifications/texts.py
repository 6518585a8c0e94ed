"""Renders the texts of notifications from stored facts, by templates in `vi.toml` and `en.toml`.

A notification is rendered when it is read, so it appears in the reader's current language.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from services.facts import word
from services.notifications.domain import Facts, Notification
from services.texts import Lang

SUBJECT_CHARACTERS_MAX = 150
OTHER_TYPE = "other"
HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})

Texts = Mapping[str, Mapping[str, str]]


def read_texts(language: Lang) -> Texts:
    """Return section -> key -> text of a language.

    There are sections with the templates of subjects and of bodies by kind of notification, and
    with the names of types of submissions and of states of proposals.
    """
    path = Path(__file__).with_name(f"{language.value}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


TEXTS: Mapping[Lang, Texts] = {language: read_texts(language) for language in Lang}


def render(notification: Notification, language: Lang) -> tuple[str, str]:
    """Return the subject (one line) and the body (a few lines) of a notification.

    A subject longer than `SUBJECT_CHARACTERS_MAX` is cut and ends with an ellipsis.
    """
    values = _values(notification.facts, language)
    # Only the reader's own submissions, which they may read.
    values["institution_id"] = notification.recipient.partition("/")[0]
    texts = TEXTS[language]
    subject = texts["subject"][notification.kind].format(**values)
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        subject = subject[: SUBJECT_CHARACTERS_MAX - 1] + "…"
    return subject, texts["body"][notification.kind].format(**values)


def _values(facts: Facts, language: Lang) -> dict[str, str]:
    values = {name: _one_line(str(fact)) for name, fact in facts.items()}
    for name in ("target", "value"):
        if name in facts:
            values[name] = number(int(facts[name]), language)
    if "proposal_id" in facts:
        values["state_text"] = TEXTS[language]["proposal_state"][values["state"]]
    if "differences" in facts:
        values["differences"] = _in_words(values["differences"], language)
    if "submission_id" in facts:
        values["work"] = _work(values, language)
        values["unit"] = values["unit_id"] or "-"
    return values


def _work(values: dict[str, str], language: Lang) -> str:
    """Return type and name of a submission's work, e.g. `Publication “Title”`.

    The name is the title or else the key; a submission that counts nowhere has no title.
    """
    types = TEXTS[language]["type"]
    type_name = types.get(values["type"], types[OTHER_TYPE])
    is_named_by_itself = values["work_key"].startswith("sub:")
    key = values["submission_id"] if is_named_by_itself else values["work_key"]
    return f"{type_name} “{values['title'] or key}”"


def _in_words(differences: str, language: Lang) -> str:
    """Return stored differences with names and values in words, `quartile: q2` as `Phân hạng: Q2`.

    Whatever has no words, e.g. a piece of a title, is left as it is.
    """
    told = []
    for each in differences.split("; "):
        name, colon, pair = each.partition(": ")
        group = "type" if name == "type" else "value"
        both = (
            ", ".join(word(language, group, value) for value in values.split(", "))
            for values in pair.split(" ≠ ")
        )
        told.append(word(language, "fact", name) + colon + " ≠ ".join(both))
    return "; ".join(told)


def number(value: int, language: Lang) -> str:
    """Return an integer with the thousands separator of a language.

    For 1200 it is `1.200` in Vietnamese and `1,200` in English.
    """
    return f"{value:,}".replace(",", "." if language == Lang.vi else ",")


def _one_line(text: str) -> str:
    """Return a text without line breaks and invisible characters, which old events may contain."""
    seen = (" " if unicodedata.category(c) in HIDDEN else c for c in text)
    return " ".join("".join(seen).split())
