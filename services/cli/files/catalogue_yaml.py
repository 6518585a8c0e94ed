"""Reads catalogue files, and reports every mistake with line, column and a suggestion.

A file is YAML with the fields of the contract's messages for taxonomies and indicators. Only the
rules of the contract are checked here; whether the indicators make sense is checked by the KPI
service (`services.kpi.offline.definition_check`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import protovalidate
import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError

from kieng.kpi.v1 import catalogue_pb2
from services.cli.errors import USAGE, Failure
from services.cli.files.text_file import read_text
from services.refusals import in_language

LISTS = ("taxonomies", "indicators")
SHOWN_MAX = 20
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
}


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """A mistake in a file and its place; lines and columns count from 1.

    ``path`` names the wrong field, e.g. `indicators[KNW-01].value`.
    """

    line: int
    column: int
    path: str
    problem: str


@dataclass
class Definitions:
    """The content of a catalogue file, with its mistakes.

    ``message`` is complete if there are no mistakes. ``places`` maps the path of a field to its
    line and column.
    """

    path: Path
    message: catalogue_pb2.Catalogue = field(default_factory=catalogue_pb2.Catalogue)
    mistakes: list[Mistake] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, path: str, problem: str) -> None:
        """Record a mistake at the place of a field, or of its nearest ancestor in the file.

        If the file has none of them, the place is line 1, column 1.

        Args:
            path: path of the wrong field, e.g. `indicators[KNW-01].value`.
            problem: what is wrong with it.
        """
        place = path
        while place and place not in self.places:
            place = place[: max(place.rfind("."), place.rfind("["))] if "." in place else ""
        line, column = self.places.get(place, (1, 1))
        self.mistakes.append(Mistake(line, column, path, problem))

    def lines(self, lang: str = "en") -> Iterator[str]:
        """Yield one line per mistake in the form that compilers use, sorted by place.

        E.g. `indicators.yaml:12:5: indicators[KNW-01].value: wanted fields: ...`; the words are in
        the language ``lang``, `vi` or `en`.
        """
        for found in sorted(self.mistakes):
            where = f"{found.path}: " if found.path else ""
            problem = in_language(found.problem, lang)
            yield f"{self.path}:{found.line}:{found.column}: {where}{problem}"


def read(path: Path, lang: str = "en") -> catalogue_pb2.Catalogue:
    """Return the taxonomies and indicators in a catalogue file.

    Args:
        path: the file.
        lang: language in which mistakes are listed, `vi` or `en`.

    Raises:
        Failure: the file cannot be read, or has mistakes; the message lists them with line and
            column.
    """
    found = look_at(path)
    if found.mistakes:
        lines = list(found.lines(lang))
        total = [in_language(f"{len(lines)} mistakes in all", lang)]
        more = total if len(lines) > SHOWN_MAX else []
        raise Failure("\n".join([*lines[:SHOWN_MAX], *more]), USAGE)
    return found.message


def look_at(path: Path) -> Definitions:
    """Read a catalogue file and return its content together with its mistakes.

    A file that is not YAML has this as its only mistake, and no content.

    Raises:
        Failure: the file cannot be read as text.
    """
    found, text = Definitions(path), read_text(path)
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.reader.ReaderError as error:
        before = text.partition(chr(error.character))[0].split("\n")
        problem = f"is no YAML: {error.reason}"
        found.mistakes.append(Mistake(len(before), len(before[-1]) + 1, "", problem))
        return found
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        found.mistakes.append(Mistake(line, column, "", f"is no YAML: {error.problem}"))
        return found
    descriptor: Any = catalogue_pb2.Catalogue.DESCRIPTOR
    document = _Walk(found).message(root, descriptor, "", LISTS)
    for kind in LISTS:
        for position, entry in enumerate(document.get(kind, ())):
            place = f"{kind}[{entry.get('code') or position}]"
            _check(found, place, entry, getattr(found.message, kind))
    return found


def _check(found: Definitions, path: str, entry: dict[str, Any], entries: Any) -> None:
    """Add an entry to a repeated field, and a mistake for each rule of the contract it breaks."""
    before = len(found.mistakes)
    message = entries.add()
    try:
        ParseDict(entry, message)
    except ParseError as error:
        if not before:
            found.add(path, str(error))
        return
    # Imported here, because a file without mistakes needs none of it.
    from services.kernel.interceptors import in_words

    for violation in protovalidate.collect_violations(message):
        place = ".".join(filter(None, (path, _path(violation.proto))))
        if not any(mistake.path.startswith(path) for mistake in found.mistakes[:before]):
            found.add(place, in_words(violation.proto.message, violation.field_value))


def _path(violation: Any) -> str:
    parts = []
    for step in violation.field.elements if violation.field else ():
        at = getattr(step.subscript, "value", None)
        parts.append(
            step.field_name + (f"[{at}]" if isinstance(at, int) else f".{at}" if at else "")
        )
    return ".".join(parts)


class _Walk:
    """Turns YAML nodes into the JSON form of protobuf messages, and records places and mistakes."""

    def __init__(self, found: Definitions) -> None:
        self._found = found

    def message(
        self, node: Any, descriptor: Descriptor, path: str, known: Iterable[str] = ()
    ) -> dict[str, Any]:
        fields = descriptor.fields_by_name
        names = list(known or fields)
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, path, f"wanted fields: {', '.join(names)}")
            return {}
        result: dict[str, Any] = {}
        for key, value in self._named(node, path):
            name, place = key.value, f"{path}.{key.value}".lstrip(".")
            self._found.places[place] = _mark(key)
            if name not in names:
                close = get_close_matches(name, names, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
                self._wrong(key, place, f"there is no field {name!r}; {hint}")
            elif name in result:
                self._wrong(key, place, "stands twice")
            else:
                result[name] = self._field(value, fields[name], place)
        return result

    def _field(self, node: Any, descriptor: FieldDescriptor, path: str) -> Any:
        kind = descriptor.message_type
        if kind is not None and kind.GetOptions().map_entry:
            return self._map(node, kind.fields_by_name["value"], path)
        if not descriptor.is_repeated:
            return self._single(node, descriptor, path)
        if not isinstance(node, yaml.SequenceNode):
            self._wrong(node, path, "wanted a list")
            return []
        result = []
        for position, item in enumerate(node.value):
            place = f"{path}[{_code(item) or position}]" if "." not in path else ""
            place = place or f"{path}[{position}]"
            self._found.places[place] = _mark(item)
            result.append(self._single(item, descriptor, place))
        return result

    def _map(self, node: Any, descriptor: FieldDescriptor, path: str) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, path, "wanted names with values")
            return {}
        result = {}
        for key, value in self._named(node, path):
            place = f"{path}.{key.value}"
            self._found.places[place] = _mark(key)
            result[key.value] = self._single(value, descriptor, place)
        return result

    def _single(self, node: Any, descriptor: FieldDescriptor, path: str) -> Any:
        self._found.places.setdefault(path, _mark(node))
        if descriptor.message_type is not None:
            return self.message(node, descriptor.message_type, path)
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, path, "wanted one value")
            return None
        text = node.value
        if descriptor.enum_type is not None:
            words = list(descriptor.enum_type.values_by_name)
            if text not in words:
                close = get_close_matches(text.upper(), words, n=1, cutoff=0.4)
                hint = f"; did you mean {close[0]}?" if close else ""
                self._wrong(node, path, f"there is no {text!r}{hint}")
            return text
        if descriptor.type == FieldDescriptor.TYPE_BOOL:
            if text not in ("true", "false"):
                self._wrong(node, path, f"wanted true or false, not {text!r}")
            return text == "true"
        if descriptor.cpp_type in _INTEGERS and not text.lstrip("-").isdigit():
            self._wrong(node, path, f"wanted a whole number, not {text!r}")
        return text

    def _named(self, node: Any, path: str) -> Iterator[tuple[Any, Any]]:
        """Yield the entries of a mapping; one whose name is no single value is a mistake."""
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key, value
            else:
                self._wrong(key, path, "wanted a name")

    def _wrong(self, node: Any, path: str, problem: str) -> None:
        line, column = _mark(node)
        self._found.mistakes.append(Mistake(line, column, path, problem))


def _mark(node: Any) -> tuple[int, int]:
    if node is None:
        return 1, 1
    return node.start_mark.line + 1, node.start_mark.column + 1


def _code(node: Any) -> str:
    """Return the code of an entry, by which paths name it; empty if it has none."""
    if not isinstance(node, yaml.MappingNode):
        return ""
    codes = (value.value for key, value in node.value if key.value == "code")
    found = next(codes, "")
    return found if isinstance(found, str) else ""
