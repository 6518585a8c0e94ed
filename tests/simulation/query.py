"""The part of MongoDB's query language that the stores speak: filters, orders and projections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

Document = dict[str, Any]
Order = Sequence[tuple[str, int]]

_CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
)
_CONTAINERS = frozenset((dict, list))
"""All that BSON has."""
# Numbers are compared with numbers and texts with texts; this is the order of the kinds.
_KINDS: tuple[type | tuple[type, ...], ...] = (
    type(None),
    (int, float),
    str,
    dict,
    list,
    bytes,
    bool,
    datetime,
)


def stored(document: Mapping[str, Any]) -> Document:
    """Return a document as a database returns it: a copy, with the types that BSON has."""
    return bson.decode(bson.encode(document, codec_options=_CODEC), _CODEC)


def copied(document: Document) -> Document:
    """Return a copy of what is stored, which shares only what nobody can change."""
    return {
        name: _copied(value) if type(value) in _CONTAINERS else value
        for name, value in document.items()
    }


def _copied(value: Any) -> Any:
    if type(value) is list:
        return [_copied(each) for each in value]
    return copied(value) if type(value) is dict else value


def matches(document: Document, query: Mapping[str, Any]) -> bool:
    """Tell whether a filter meets a document."""
    return all(_meets(_value(document, field), wanted) for field, wanted in query.items())


def _value(document: Document, field: str) -> Any:
    if "." not in field:
        return document.get(field)
    first, _, rest = field.partition(".")
    inner = document.get(first)
    return _value(inner, rest) if isinstance(inner, dict) else None


def is_condition(wanted: Any) -> bool:
    """Tell whether what is wanted of a field are operators, and not a value."""
    return isinstance(wanted, dict) and next(iter(wanted), "").startswith("$")


def _meets(value: Any, wanted: Any) -> bool:
    if is_condition(wanted):
        return all(_TESTS[name](value, operand) for name, operand in wanted.items())
    return _equals(value, wanted)


def _equals(value: Any, wanted: Any) -> bool:
    if _is_same(value, wanted):
        return True
    return isinstance(value, list) and any(_is_same(each, wanted) for each in value)


def _is_same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _elements(value: Any) -> Iterator[Any]:
    """Yield a value and, if it is an array, its elements: an array matches by any of them."""
    yield value
    if isinstance(value, list):
        yield from value


def _later(value: Any, least: Any) -> bool:
    kind = _kind(least)
    return any(_kind(each) == kind and each > least for each in _elements(value))


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$in": lambda value, several: any(_equals(value, each) for each in several),
    "$gt": _later,
    "$gte": lambda value, least: _equals(value, least) or _later(value, least),
    "$ne": lambda value, other: not _equals(value, other),
}


def _kind(value: Any) -> int:
    if isinstance(value, bool):
        return _KINDS.index(bool)
    return next(number for number, kind in enumerate(_KINDS) if isinstance(value, kind))


def ordered(documents: list[Document], order: Order) -> list[Document]:
    """Return documents in an order; those without a field come first."""
    for field, direction in reversed(order):

        def place(document: Document, field: str = field) -> tuple[int, Any]:
            value = _value(document, field)
            return _kind(value), 0 if value is None else value

        documents = sorted(documents, key=place, reverse=direction < 0)
    return documents


def projected(document: Document, fields: Mapping[str, int] | None) -> Document:
    """Return a document with the fields asked for, or without those that are not wanted."""
    if not fields:
        return document
    if all(fields.values()):
        wanted = {"_id", *fields}
        return {name: value for name, value in document.items() if name in wanted}
    assert not any(fields.values()), "fields are either wanted or not"
    return {name: value for name, value in document.items() if name not in fields}
