"""Shows help, and refusals of arguments, in the user's language.

Help is written in English where commands and options are declared. `help.vi.toml` maps each of its
paragraphs to a Vietnamese one, and does the same for typer's own texts. As in gettext, the English
text is the key: if it is changed, a test reports that its translation is out of date.
"""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from services.refusals import Sentences
from services.texts import Lang

FILE = Path(__file__).parent / "help.vi.toml"
EXAMPLE, USAGE = "Example: ", "Usage: "
VARIABLE = "KIENG_LANG"
LangOption = Annotated[
    Lang, typer.Option("--lang", envvar=VARIABLE, help="Language of names and headings.")
]


def asked_language(arguments: Iterable[str]) -> Lang:
    """Return the language in the arguments, or else in the environment, or else Vietnamese.

    This is known before any option is read, because help and refusals of options are shown in it.

    Args:
        arguments: words of the command line after `kieng`.
    """
    asked = os.environ.get(VARIABLE, "")
    for option, value in pairwise((*arguments, "")):
        name, is_joined, joined = option.partition("=")
        if name == "--lang":
            asked = joined if is_joined else value
    return Lang.en if asked == Lang.en else Lang.vi


def show_in_language() -> None:
    """Make all commands of this process show help in the language in the `obj` of their context."""
    for kind in (TyperCommand, TyperGroup):
        cast(Any, kind).format_help = _in_context(kind.format_help)


def _in_context(typers: Any) -> Any:
    def format_help(command: Any, context: Any, formatter: Any) -> None:
        lang = context.obj or Lang.en
        with _words(lang):
            typers(as_shown(command, lang), context, formatter)

    return format_help


def show_refusal(refused: TyperException, lang: Lang) -> None:
    """Print on stderr what is wrong with the arguments, and the usage of the command."""
    from typer import rich_utils

    shown: Any = refused
    if lang is Lang.vi:
        said = Sentences(_table()["refusals"]).told(refused.format_message())
        shown.format_message = lambda: said
        if context := getattr(shown, "ctx", None):
            context.command = as_shown(context.command, lang)
    with _words(lang):
        rich_utils.rich_format_error(shown)


def show_abort(lang: Lang) -> None:
    """Print on stderr that the command ended because its question was not answered."""
    from typer import rich_utils

    with _words(lang):
        rich_utils.rich_abort_error()


def as_shown(command: Any, lang: Lang) -> Any:
    """Return a copy of a command that shows its help in a language; for English the command itself.

    Its options and subcommands are copied in the same way. None is returned unchanged.
    """
    if lang is Lang.en or command is None:
        return command
    shown = copy(command)
    shown.help, shown.epilog = translated(command.help), translated(command.epilog)
    for name in ("options_metavar", "subcommand_metavar"):
        if metavar := getattr(command, name, None):
            setattr(shown, name, _table()["words"][metavar])
    usage = _table()["words"][USAGE]
    shown.get_usage = lambda ctx: type(shown).get_usage(shown, ctx).replace(USAGE, usage, 1)
    shown.get_params = lambda ctx: [_option(each) for each in command.get_params(ctx)]
    shown.get_command = lambda ctx, name: as_shown(command.get_command(ctx, name), lang)
    return shown


def _option(option: Any) -> Any:
    shown = copy(option)
    shown.help = translated(option.help)
    return shown


def translated(text: str | None) -> str:
    """Return a help text in Vietnamese; paragraphs without a translation stay English.

    The paragraphs are separated by empty lines. None is an empty text.
    """
    return "\n\n".join(map(_paragraph, paragraphs(text)))


def paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a help text, each on one line unless it is an example.

    Indentation is removed. The list is empty for None and for an empty text.
    """
    found = inspect.cleandoc(text or "").split("\n\n")
    return [each if each.startswith(EXAMPLE) else " ".join(each.split()) for each in found if each]


def _paragraph(english: str) -> str:
    known = _table()["help"].get(english)
    return known or english.replace(EXAMPLE, _table()["words"][EXAMPLE], 1)


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@contextmanager
def _words(lang: Lang) -> Iterator[None]:
    """Replace the words of typer's pages, which are constants of a module, during the block."""
    from typer import rich_utils

    words = _table()["words"] if lang is Lang.vi else {}
    own = {
        name: text
        for name, text in vars(rich_utils).items()
        if isinstance(text, str) and text in words
    }
    try:
        vars(rich_utils).update({name: words[text] for name, text in own.items()})
        yield
    finally:
        vars(rich_utils).update(own)
