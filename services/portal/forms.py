"""Forms of submission types, generated from the contract, and the facts that answers state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from buf.validate import validate_pb2
from kieng.submissions.v1 import facts_pb2
from services.importing.shares import percentage, ppm_of
from services.kernel.errors import InvalidArgument

TYPES = tuple(field.name for field in facts_pb2.Facts.DESCRIPTOR.fields)
SET_BY_SERVER = {"partner_id"}
"""Facts that the service fills in, so that no form has them."""
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
AMOUNT = "[1-9][0-9]{0,14}"
"""With `DATE`, the patterns by which the contract marks dates and amounts."""
LONG_FROM = 1000
"""Maximum length, in characters, from which a text gets a field of several lines."""
INTEGERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64)
_VERSION = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([., \u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*")
"""Matches an amount with separated thousands; not `1.5`, which does not mean 15."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a form, for one field of a submission.

    Args:
        name: name of the field in the contract.
        kind: `text`, `long` (text of several lines), `date`, `amount`, `number`, `yes` (a check
            box), `choice` (one of `choices`), `choices` (any of them) or `list` (several texts).
        is_required: whether the contract requires an answer.
        length_max: most characters of a text or of one item of a list; 0 if there is no limit.
        least: lowest number allowed; None if there is no limit.
        most: highest number allowed; None if there is no limit.
        choices: the choices offered, in lower case and without the prefix of the enum.
    """

    name: str
    kind: str
    is_required: bool
    length_max: int = 0
    least: int | None = None
    most: int | None = None
    choices: Sequence[str] = ()


@cache
def fields_of(type_: str) -> tuple[Field, ...]:
    """Return the fields of the form for a submission type, in the order of the contract.

    Raises:
        InvalidArgument: there is no such type. The caller's fault.
    """
    if type_ not in TYPES:
        raise InvalidArgument("there is no such type of submission", fields={"type": "choose one"})
    message = facts_pb2.Facts.DESCRIPTOR.fields_by_name[type_].message_type
    assert message is not None
    return tuple(_field(each) for each in message.fields if each.name not in SET_BY_SERVER)


def _field(field: FieldDescriptor) -> Field:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    if field.enum_type is not None:
        names = tuple(_short(field, value.number) for value in field.enum_type.values[1:])
        if field.is_repeated:
            return Field(field.name, "choices", False, choices=names)
        return Field(field.name, "choice", 0 in rules.enum.not_in, choices=names)
    if field.is_repeated:
        return Field(field.name, "list", False, length_max=rules.repeated.items.string.max_len)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return Field(field.name, "yes", False)
    if field.type in INTEGERS:
        own = rules.int32
        least = own.gte if own.HasField("gte") else None
        return Field(field.name, "number", bool(least), least=least, most=own.lte or None)
    text = rules.string
    is_optional = text.pattern.startswith("^(") and ")?" in text.pattern
    is_required = bool(text.min_len) or (bool(text.pattern) and not is_optional)
    if DATE in text.pattern:
        return Field(field.name, "date", is_required)
    if AMOUNT in text.pattern:
        return Field(field.name, "amount", True, length_max=15)
    kind = "long" if text.max_len >= LONG_FROM else "text"
    return Field(field.name, kind, is_required, length_max=text.max_len)


def _short(field: FieldDescriptor, number: int) -> str:
    enum = field.enum_type
    assert enum is not None
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    return str(enum.values_by_number[number].name).removeprefix(prefix).lower()


def version_of(given: str) -> int | None:
    """Return the version number of a submission that a form contains, e.g. 7 for `7`.

    None if the text is anything but 1 to 18 digits, e.g. empty.
    """
    return int(given) if _VERSION.fullmatch(given) else None


def facts_of(
    type_: str, given: Mapping[str, Sequence[str]]
) -> tuple[facts_pb2.Facts, Mapping[str, str]]:
    """Return the facts, i.e. the fields of a submission's type, that the answers of a form state.

    A field without answer, with blank ones only, or with a wrong answer stays unset. Whether the
    facts are valid is for the service to check.

    Args:
        type_: submission type.
        given: name of a field -> its answers; several for choices and lists.

    Returns:
        The facts; and name of a field -> what is wrong with its answer: a number is not one, or a
            choice is not offered.

    Raises:
        InvalidArgument: there is no such type. The caller's fault.
    """
    asked_for, facts, wrong = fields_of(type_), facts_pb2.Facts(), dict[str, str]()
    message = getattr(facts, type_)
    message.SetInParent()
    for asked in asked_for:
        answers = [each.strip() for each in given.get(asked.name, ()) if each.strip()]
        if answers:
            try:
                _answer(message, asked, answers)
            except InvalidArgument as error:
                wrong |= error.fields
    return facts, wrong


def share_of(given: str) -> int:
    """Return a share that a form states in per cent, e.g. `12,5 %`, in parts per million.

    Returns:
        the share, above 0 and at most the whole; 0 for an empty text, i.e. if none is stated.

    Raises:
        InvalidArgument: the text is no such share. The caller's fault.
    """
    if not given:
        return 0
    # The form names the unit, so that a number without its sign is clear, too.
    with suppress(ValueError):
        return ppm_of(f"{given.removesuffix('%').rstrip()}%")
    problem = "write a share in per cent, above 0 and up to 100, e.g. 12.5"
    raise InvalidArgument(f"share_ppm: {problem}", fields={"share_ppm": problem})


def share_text(share: int) -> str:
    """Return a share in parts per million as `share_of` reads it; empty for 0."""
    return percentage(share, "en") if share else ""


def _answer(message: Any, asked: Field, answers: Sequence[str]) -> None:
    field = message.DESCRIPTOR.fields_by_name[asked.name]
    if asked.kind in ("choice", "choices"):
        numbers = {_short(field, each.number): each.number for each in field.enum_type.values}
        if not set(answers) <= numbers.keys():
            raise _wrong(asked, "choose one that is offered")
        chosen = [numbers[each] for each in answers]
        if asked.kind == "choices":
            getattr(message, asked.name).extend(chosen)
        else:
            setattr(message, asked.name, chosen[0])
    elif asked.kind == "list":
        lines = [part.strip() for each in answers for part in each.replace(",", "\n").split("\n")]
        getattr(message, asked.name).extend(filter(None, lines))
    elif asked.kind == "yes":
        setattr(message, asked.name, answers[0] == "true")
    elif asked.kind == "number":
        if not _NUMBER.fullmatch(answers[0]):
            raise _wrong(asked, "write a whole number")
        setattr(message, asked.name, int(answers[0]))
    elif asked.kind == "amount":
        is_grouped = _GROUPED.fullmatch(answers[0])
        digits = re.sub("[^0-9]", "", answers[0]) if is_grouped else answers[0]
        setattr(message, asked.name, digits)
    else:
        setattr(message, asked.name, answers[0].replace("\r\n", "\n"))


def _wrong(asked: Field, problem: str) -> InvalidArgument:
    return InvalidArgument(f"{asked.name}: {problem}", fields={asked.name: problem})


def answers_of(facts: facts_pb2.Facts) -> dict[str, list[str]]:
    """Return name of a field -> answers, with which a form shows these facts again.

    It reverses `facts_of`: a choice is its name in lower case, a true boolean `true`, and a list
    one text with an item per line. Unset facts have no key; facts of no type give no answers.
    """
    type_ = facts.WhichOneof("kind")
    found: dict[str, list[str]] = {}
    for field, value in getattr(facts, type_).ListFields() if type_ else ():
        items = value if field.is_repeated else [value]
        if field.enum_type is not None:
            found[field.name] = [_short(field, each) for each in items]
        elif field.type == FieldDescriptor.TYPE_BOOL:
            found[field.name] = ["true"]
        elif field.is_repeated:
            found[field.name] = ["\n".join(items)]
        else:
            found[field.name] = [str(value)]
    return found
