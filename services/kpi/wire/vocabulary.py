"""The words that catalogue definitions may use: types, facts, and values of facts.

Every word is checked, because a misspelt one would silently count nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import facts_pb2
from services.kpi.domain.catalogue import (
    ANY,
    EVERY_TYPE,
    EVIDENCE,
    HAPPENED,
    INSTITUTIONS,
    NEVER,
    REPORTED,
    refuse,
)

_FACTS = facts_pb2.Facts.DESCRIPTOR.fields_by_name
TYPES = tuple(sorted(_FACTS))
"""All submission types, sorted."""

Terms = Mapping[str, Sequence[str]]
"""Name of a fact -> terms of the taxonomy that lists its values."""


@lru_cache(maxsize=64)
def fields(type_name: str) -> dict[str, FieldDescriptor]:
    """Return name -> descriptor of the fact fields of a submission type.

    Empty for `any` and for unknown types. The dictionary is cached, so do not change it.
    """
    message = _FACTS[type_name].message_type if type_name in _FACTS else None
    return dict(message.fields_by_name) if message is not None else {}


@lru_cache(maxsize=64)
def happened(type_name: str) -> str:
    """Return the name of the date field that a type marks as the day on which a work happened."""
    marked = [
        name
        for name, field in fields(type_name).items()
        if field.GetOptions().Extensions[facts_pb2.happened]
    ]
    assert len(marked) == 1, f"{type_name} marks {len(marked)} dates as the one it happened on"
    return marked[0]


def enum_words(field: FieldDescriptor) -> dict[int, str]:
    """Return number -> word of an enum field's values, as catalogues write them.

    Words are in lower case and without the enum's prefix, e.g. `QUARTILE_Q1` is `q1`.
    """
    assert field.enum_type is not None
    return _words(field.enum_type)


def enum_word(enum: EnumDescriptor, number: int) -> str:
    """Return the word of an enum's value, as `enum_words` writes it, or the number as text.

    Enums are open: an event that counts may have a number of a later release, or any other, in a
    field that the fold does not read.
    """
    return _words(enum).get(number, str(number))


@lru_cache(maxsize=64)
def _words(enum: EnumDescriptor) -> dict[int, str]:
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return {value.number: value.name.removeprefix(prefix).lower() for value in enum.values}


def near(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` with the most similar known word; empty if none is similar."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def check_component(path: str, message: catalogue_pb2.Component, terms: Terms) -> None:
    """Check that a component uses only facts of its submission type, of the right kind.

    Args:
        path: path of the component in the definition, for the error.
        message: the component.
        terms: name of a fact -> terms of the taxonomy that lists its values.

    Raises:
        InvalidArgument: a fact, value or type is unknown or unsuitable. The error names its path,
            so that the author of the catalogue can correct it.
    """
    if message.type not in TYPES and message.type != ANY:
        text = f"there is no submission type {message.type!r}{near(message.type, TYPES)}"
        refuse(f"{path}.type", text)
    _check_date(f"{path}.date", message.type, message.date)
    if message.until not in ("", NEVER):
        _check_date(f"{path}.until", message.type, message.until)
    if message.not_before:
        _check_date(f"{path}.not_before", message.type, message.not_before)
    is_quantity = message.rule == catalogue_pb2.COUNTING_RULE_FRACTION
    for role, name in (("amount", message.amount), ("times", message.times)):
        if name and is_quantity:
            _check_number(f"{path}.{role}", message.type, name)
        elif name:
            _check_known(f"{path}.{role}", message.type, name)
            if not name.endswith("_vnd"):
                refuse(f"{path}.{role}", f"names a field that ends with _vnd, not {name!r}")
    if message.member:
        _check_member(f"{path}.member", message.type, message.member)
    for position, condition in enumerate(message.where):
        _check_condition(f"{path}.where[{position}]", message.type, condition, terms)


def _check_condition(
    path: str, type_name: str, message: catalogue_pb2.Condition, terms: Terms
) -> None:
    test = message.WhichOneof("test")
    _check_known(f"{path}.field", type_name, message.field)
    if test in ("any_of", "none_of"):
        words = [*getattr(message, test).values]
        known = _closed_list(type_name, message.field, terms)
        for position, word in enumerate(words):
            if known and word not in known:
                text = f"{message.field} is never {word!r}{near(word, known)}"
                refuse(f"{path}.{test}.values[{position}]", text)
    elif test == "at_least":
        _check_number(f"{path}.field", type_name, message.field, or_list=True)
    elif test == "within":
        _check_date(f"{path}.field", type_name, message.field)
        _check_date(f"{path}.within.after", type_name, message.within.after)
    elif test == "minimum":
        _check_number(f"{path}.field", type_name, message.field, or_list=True)
        for name in sorted(set(message.minimum.of_type) - set(TYPES)):
            text = f"there is no submission type {name!r}{near(name, TYPES)}"
            refuse(f"{path}.minimum.of_type.{name}", text)
    elif test is None:
        refuse(path, "set one of any_of, none_of, present, at_least, within, minimum")


def _closed_list(type_name: str, name: str, terms: Terms) -> Sequence[str]:
    """Return the words that a fact can have as values; empty if they are not restricted."""
    field = fields(type_name).get(name)
    if field is not None and field.enum_type is not None:
        return [word for number, word in enum_words(field).items() if number]
    if field is not None and field.type == FieldDescriptor.TYPE_BOOL:
        return ("true", "false")
    return terms.get(name, ())


def _check_known(path: str, type_name: str, name: str) -> None:
    known = {*fields(type_name), *EVERY_TYPE}
    if name not in known:
        text = f"{type_name} has no field {name!r}{near(name, known)}"
        refuse(path, text)


def _check_date(path: str, type_name: str, name: str) -> None:
    if name in (HAPPENED, REPORTED):
        return
    dates = [field for field in fields(type_name) if field.endswith("_on")]
    if name not in fields(type_name):
        refuse(path, f"{type_name} has no date {name!r}{near(name, [*dates, HAPPENED, REPORTED])}")
    if name not in dates:
        refuse(path, f"names a field that ends with _on, not {name!r}")


def _check_member(path: str, type_name: str, name: str) -> None:
    _check_known(path, type_name, name)
    field = fields(type_name).get(name)
    is_one = field is None or not (field.is_repeated or field.type == FieldDescriptor.TYPE_BOOL)
    if name == INSTITUTIONS or not is_one:
        refuse(path, f"names a text, a word, a number or a date, not {name!r}")


def _check_number(path: str, type_name: str, name: str, *, or_list: bool = False) -> None:
    if name == EVIDENCE or (or_list and name == INSTITUTIONS):
        return
    _check_known(path, type_name, name)
    field = fields(type_name).get(name)
    is_number = field is not None and field.cpp_type in (
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
    )
    if not is_number and not (or_list and field is not None and field.is_repeated):
        refuse(path, f"names a number{' or a list' if or_list else ''}, not {name!r}")
