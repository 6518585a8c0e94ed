"""The template environment, and a cache of rendered parts of pages that all readers share."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Hashable
from datetime import UTC
from functools import cache, lru_cache, partial
from pathlib import Path
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import jinja2
from markupsafe import Markup

from services.portal import numbers
from services.portal.domain import periods, pictures, trust
from services.portal.texts import text, work_name
from services.texts import Lang

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
COMPILED = FOLDER / "__pycache__"
PLACES = frozenset(
    {
        *("/", "/report", "/submissions", "/import", "/review", "/inbox", "/agreement"),
        *("/overlaps", "/partners", "/editions", "/tree", "/health"),
    }
)
"""Paths of the pages to which the navigation leads."""
KEPT_MAX = 4096
"""Number of rendered parts in the cache, of about 1 KiB each."""


def environment() -> jinja2.Environment:
    """Return the template environment of the portal; all values in templates are escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
        bytecode_cache=compiled_templates(),
    )
    found.globals |= {
        "bullet": pictures.bullet,
        "choices": periods.choices,
        "signs": pictures.SIGNS,
        "sparkline": pictures.sparkline,
        "numbers": numbers,
        "places": PLACES,
        "static": static,
        "trust": trust,
    }
    found.filters |= {
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "lower_first": lambda text: text[:1].lower() + text[1:],
        "pair": frozenset,
        "utc": lambda timestamp: timestamp.ToDatetime(tzinfo=UTC),
    }
    return found


def compiled_templates(folder: Path = COMPILED) -> jinja2.BytecodeCache | None:
    """Return the cache of compiled templates in a folder, where Python keeps compiled modules.

    Compiling all templates takes half a second of processor time. Templates that change are
    compiled again, and all of them after a change of this module, which has the options.

    Args:
        folder: the folder.

    Returns:
        The cache; None if Python keeps no compiled modules, or the folder is not there or cannot be
            written, as in a container.
    """
    if sys.dont_write_bytecode or not os.access(folder, os.W_OK):
        return None
    options = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return jinja2.FileSystemBytecodeCache(str(folder), f"template-{options}-%s.cache")


@cache
def static(name: str) -> str:
    """Return the URL of a file in `static`, e.g. `/static/icon.svg?v=0123456789ab`.

    It contains a hash of the content, so it changes with the file.

    Args:
        name: path of the file below `static`.

    Raises:
        OSError: there is no such file.
    """
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def link(lang: Lang, path: str, **query: object) -> str:
    """Return a URL that keeps the language of the page; empty parameters are left out.

    For example, an English page and `q="a"` give `/tree?q=a&lang=en`. Vietnamese is the default and
    needs no parameter.

    Args:
        lang: language of the page.
        path: path of the URL.
        query: parameters; an underscore at the end of a name, as in `from_`, is removed.
    """
    given = {name.removesuffix("_"): value for name, value in query.items()}
    given.setdefault("lang", "en" if lang is Lang.en else "")
    kept = {name: str(value) for name, value in given.items() if value not in ("", None)}
    return f"{path}?{urlencode(kept)}" if kept else path


@cache
def formats(lang: Lang) -> dict[str, Callable[..., object]]:
    """Return name -> function, for the functions of `numbers` that templates use.

    These are `short`, `halves`, `full`, `signed`, `percent`, `month`, and `work_name` of `texts`;
    their argument `lang` is already given.
    """
    names = ("short", "halves", "full", "signed", "percent", "month")
    found: dict[str, Callable[..., object]] = {"work_name": partial(work_name, lang=lang)}
    return found | {name: partial(getattr(numbers, name), lang=lang) for name in names}


class Pieces:
    """A cache of rendered parts of pages; they depend on nothing but the language and the values.

    Args:
        environment: environment with the templates.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._kept = lru_cache(KEPT_MAX)(self._written)
        self._of: WeakKeyDictionary[object, dict[Hashable, Markup]] = WeakKeyDictionary()

    def written(self, lang: Lang, template: str, **values: object) -> Markup:
        """Return a rendered part of a page, from the cache if the same values were rendered before.

        Args:
            lang: language of the part.
            template: name of its template.
            values: variables of the template; each has to be hashable, and equal values have to
                look the same.
        """
        return self._kept(lang, template, **values)

    def of(self, lang: Lang, board: object, template: str, **values: Hashable) -> Markup:
        """Return a rendered part of a page that shows a board, i.e. a table of numbers.

        It is cached as long as the object ``board`` exists, for each combination of the other
        arguments.

        Args:
            lang: language of the part.
            board: what the part shows; variable `board` of the template.
            template: name of its template.
            values: further variables of the template.
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
