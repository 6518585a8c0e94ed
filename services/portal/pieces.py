"""Templates, and parts of pages that are the same for every reader: kept once they are written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from datetime import UTC
from functools import cache, lru_cache, partial
from pathlib import Path
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import jinja2
from markupsafe import Markup

from services.portal import numbers
from services.portal.domain import pictures, trust
from services.portal.texts import Lang, text

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
KEPT_MAX = 4096
"""Parts that are kept, of about 1 KiB each."""


def environment() -> jinja2.Environment:
    """Return the templates of the portal; whatever is put into one is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
    )
    found.globals |= {
        "bullet": pictures.bullet,
        "sparkline": pictures.sparkline,
        "numbers": numbers,
        "static": static,
        "trust": trust,
    }
    found.filters |= {
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "pair": frozenset,
        "utc": lambda timestamp: timestamp.ToDatetime(tzinfo=UTC),
        "whole": lambda number: None if number is None else round(number),
    }
    return found


@cache
def static(name: str) -> str:
    """Return the URL of a file in `static`, which changes when the file does."""
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def link(lang: Lang, path: str, **query: object) -> str:
    """Return a link that stays in the language; parameters that are empty are left out."""
    given = {name.removesuffix("_"): value for name, value in query.items()}
    given.setdefault("lang", "en" if lang is Lang.en else "")
    kept = {name: str(value) for name, value in given.items() if value not in ("", None)}
    return f"{path}?{urlencode(kept)}" if kept else path


@cache
def formats(lang: Lang) -> dict[str, Callable[..., str]]:
    """Return how numbers are written in a language, by the name in templates."""
    names = ("short", "full", "signed", "percent")
    return {name: partial(getattr(numbers, name), lang=lang) for name in names}


class Pieces:
    """Parts of pages that depend on nothing but their language and what is put into them.

    Args:
        environment: has their templates.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._kept = lru_cache(KEPT_MAX)(self._written)
        self._of: WeakKeyDictionary[object, dict[Hashable, Markup]] = WeakKeyDictionary()

    def written(self, lang: Lang, template: str, **values: object) -> Markup:
        """Return a part of a page.

        Args:
            lang: its language.
            template: its template.
            values: what is put into it; each is hashable, so equal values give the same part.
        """
        return self._kept(lang, template, **values)

    def of(self, lang: Lang, board: object, template: str, **values: Hashable) -> Markup:
        """Return a part of a page that is kept for as long as its board is.

        Args:
            lang: its language.
            board: what it shows; the template gets it by this name.
            template: its template.
            values: what else is put into it.
        """
        kept = self._of.setdefault(board, {})
        key = (lang, template, *values.items())
        if key not in kept:
            kept[key] = self._written(lang, template, board=board, **values)
        return kept[key]

    def _written(self, lang: Lang, template: str, **values: object) -> Markup:
        own: dict[str, object] = {
            "t": partial(text, lang),
            "href": partial(link, lang),
            "lang": lang,
            "piece": partial(self.written, lang),
        }
        found = self._environment.get_template(template)
        return Markup(found.render(**own, **formats(lang), **values))
