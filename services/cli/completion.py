"""Answers a shell that completes a command line of `kieng`.

The shell calls `kieng` as the scripts of typer (`kieng --install-completion`) have it do. typer
would import the command to read its options, which takes longer than a reader waits. Here they
are read from `command_line.json`, which lists all commands, and is recorded from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from services.cli.completion_words import remembered

ASKED = "_KIENG_COMPLETE"
"""Variable by which a shell asks, e.g. `complete_bash`."""
TABLE = Path(__file__).with_name("command_line.json")
LANGUAGES = "en", "vi"

Node = Mapping[str, Any]
"""A command of the table: `help`, `options`, `arguments`, and if it is a group, its `commands`.

An option or argument has `help`, in the order of `LANGUAGES`, and `words`: its choices, or their
kind in `completion_words`. An option has `names`, and whether it `takes` a value; either may be
given `many` times.
"""


class Line(NamedTuple):
    """A command line that a shell completes: the words before the cursor, and the one at it."""

    words: Sequence[str]
    incomplete: str


class Place(NamedTuple):
    """What the words before the cursor have said: command, its open option, and what was given.

    ``path`` are the words of the command after `kieng`, ``given`` maps the name of an option to its
    value, and ``values`` is the number of arguments.
    """

    path: str
    node: Node
    option: Node | None
    given: Mapping[str, str]
    values: int
    is_literal: bool
    """Whether `--` has been given, after which no word is an option."""


Offers = Mapping[str, str]
"""Word that the shell offers -> its explanation, which may be empty."""


def answer_shell(environment: Mapping[str, str]) -> NoReturn:
    """Print what the shell may offer, and exit as it expects.

    Args:
        environment: the variables that the shell has set.

    Raises:
        SystemExit: always; with 1 if fish asks whether anything is offered and nothing is, or if
            the shell is not known.
    """
    shell = SHELLS.get(environment[ASKED].removeprefix("complete_"))
    if shell is None:
        raise SystemExit(1)
    read, show = shell
    found = offers(read(environment), environment)
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        raise SystemExit(0 if found else 1)
    print(show(found))
    raise SystemExit(0)


def offers(line: Line, environment: Mapping[str, str]) -> Offers:
    """Return what may be offered for the incomplete word of a command line, in order.

    Args:
        line: the words after `kieng`.
        environment: has the data folder and the language, where the command line has none.
    """
    table: Mapping[str, Node] = json.loads(TABLE.read_text(encoding="utf-8"))
    place = _walk(table, line.words)
    if place is None:
        return {}
    asked = place.given.get("--lang") or environment.get("KIENG_LANG", "")
    lang = LANGUAGES.index(asked) if asked in LANGUAGES else LANGUAGES.index("vi")
    data = Path(place.given.get("--data") or environment.get("KIENG_DATA") or ".kieng")
    incomplete, option = line.incomplete, place.option
    is_option = incomplete.startswith("-") and not place.is_literal
    if is_option and "=" in incomplete:
        name, _, incomplete = incomplete.partition("=")
        option = _options(place.node).get(name)
        found = _values(option, data) if option else {}
    elif is_option:
        found = dict(_unused(place, lang))
    elif option:
        incomplete = incomplete.removeprefix("=")
        found = _values(option, data)
    elif "commands" in place.node:
        below = {name: f"{place.path} {name}".strip() for name in place.node["commands"]}
        found = {name: table[path]["help"][lang] for name, path in below.items()}
    else:
        found = _values(_argument(place), data)
    return {word: text for word, text in found.items() if word.startswith(incomplete)}


def _walk(table: Mapping[str, Node], words: Sequence[str]) -> Place | None:
    """Return where the words lead; None if they name a command that does not exist."""
    path, option, values, is_literal = "", None, 0, False
    given: dict[str, str] = {}
    for word in words:
        node = table[path]
        if option:
            # bash separates an option from its value at the sign, too.
            if word != "=":
                given[option["names"][0]] = word
                option = None
        elif word == "--":
            is_literal = True
        elif word.startswith("-") and not is_literal:
            name, is_joined, value = word.partition("=")
            found = _options(node).get(name)
            if found:
                given[found["names"][0]] = value
                option = found if found["takes"] and not is_joined else None
        elif "commands" in node:
            if word not in node["commands"]:
                return None
            path = f"{path} {word}".strip()
        else:
            values += 1
    return Place(path, table[path], option, given, values, is_literal)


def _options(node: Node) -> dict[str, Node]:
    return {name: option for option in node["options"] for name in option["names"]}


def _unused(place: Place, lang: int) -> Iterator[tuple[str, str]]:
    for option in place.node["options"]:
        if option["many"] or option["names"][0] not in place.given:
            yield from ((name, option["help"][lang]) for name in option["names"])


def _argument(place: Place) -> Node | None:
    """Return the argument to which the next value belongs; None if it would be one too many."""
    arguments: Sequence[Node] = place.node["arguments"]
    if place.values < len(arguments):
        return arguments[place.values]
    return arguments[-1] if arguments and arguments[-1]["many"] else None


def _values(parameter: Node | None, data: Path) -> Offers:
    words = parameter["words"] if parameter else ()
    return remembered(data, words) if isinstance(words, str) else dict.fromkeys(words, "")


def _split(text: str) -> list[str]:
    """Return the words of an incomplete command line; the last one may lack its closing quote."""
    # Imported here, because a line without quotes needs no parser.
    if not {*"'\"\\"} & {*text}:
        return text.split()
    import shlex

    lexer = shlex.shlex(text, posix=True)
    found: list[str] = []
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        found += lexer
    except ValueError:
        found.append(lexer.token)
    return found


def _bash_line(environment: Mapping[str, str]) -> Line:
    words, at = _split(environment["COMP_WORDS"]), int(environment["COMP_CWORD"])
    return Line(words[1:at], words[at] if at < len(words) else "")


def _typed_line(environment: Mapping[str, str]) -> Line:
    typed = environment.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(typed)[1:]
    if not words or typed[-1:].isspace():
        return Line(words, "")
    return Line(words[:-1], words[-1])


def _powershell_line(environment: Mapping[str, str]) -> Line:
    words = _split(environment.get("_TYPER_COMPLETE_ARGS", ""))
    incomplete = environment.get("_TYPER_COMPLETE_WORD_TO_COMPLETE", "")
    return Line(words[1:-1] if incomplete else words[1:], incomplete)


def _zsh_text(found: Offers) -> str:
    def escaped(text: str) -> str:
        quoted = text.replace('"', '""').replace("'", "''")
        return quoted.replace("$", "\\$").replace("`", "\\`").replace(":", r"\\:")

    shown = [
        f'"{escaped(w)}":"{escaped(text)}"' if text else f'"{escaped(w)}"'
        for w, text in found.items()
    ]
    return f"_arguments '*: :(({chr(10).join(shown)}))'" if shown else "_files"


def _fish_text(found: Offers) -> str:
    return "\n".join(f"{word}\t{text}" if text else word for word, text in found.items())


def _powershell_text(found: Offers) -> str:
    return "\n".join(f"{word}:::{text or ' '}" for word, text in found.items())


Shell = tuple[Callable[[Mapping[str, str]], Line], Callable[[Offers], str]]
SHELLS: Mapping[str, Shell] = {
    "bash": (_bash_line, "\n".join),
    "zsh": (_typed_line, _zsh_text),
    "fish": (_typed_line, _fish_text),
    "powershell": (_powershell_line, _powershell_text),
    "pwsh": (_powershell_line, _powershell_text),
}
"""Name of a shell -> how it passes the command line, and how it wants the offers."""
