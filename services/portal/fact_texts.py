"""Writes facts as people do: shares in per cent, codes of enums and of the catalogue as words."""

from __future__ import annotations

from services.importing.shares import percentage
from services.portal.catalogues import Catalogue
from services.portal.texts import word
from services.texts import Lang

SHARE = "share_ppm"


def fact_text(lang: Lang, field: str, text: str, catalogue: Catalogue | None) -> str:
    """Return the value of a fact in a language; what has no words there stays as it is.

    Args:
        lang: language of the words.
        field: name of the fact; if empty, the text has enum values.
        text: the value, as services write it; several are separated by commas.
        catalogue: has the terms that some facts list, e.g. key fields; None if it is not known.
    """
    if field == SHARE and text.isascii() and text.isdigit():
        return f"{percentage(int(text), lang.value)}%"
    if field == "type":
        return word(lang, "type", text)
    terms = {} if catalogue is None else catalogue.terms(field, lang)
    return ", ".join(terms.get(each) or word(lang, "value", each) for each in text.split(", "))
