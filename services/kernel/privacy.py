"""Removes from every answer the fields that are reserved for the institutions concerned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from kieng.access.v1 import access_pb2

OWNER = "institution_id"

M = TypeVar("M", bound=Message)


def shown_to(institution_id: str, message: M) -> M:
    """Clear the fields that an institution must not see in an answer; return the answer.

    Fields marked `personal` or `own_only` are cleared at any depth, unless the institution is
    concerned, i.e. its id is in the message that holds the field, in one around that message or in
    one within it. The message is modified in place.

    Args:
        institution_id: institution of the caller.
        message: the answer.
    """
    if _reserves(message.DESCRIPTOR):
        _clear(message, institution_id)
    return message


@cache
def reserved(descriptor: Descriptor) -> tuple[str, ...]:
    """Return the names of a message type's fields that only institutions concerned may see.

    Those are the fields marked `personal` or `own_only`; fields of inner messages are not included.
    """
    marks = (access_pb2.personal, access_pb2.own_only)
    return tuple(
        field.name
        for field in descriptor.fields
        if any(field.GetOptions().Extensions[mark] for mark in marks)
    )


def _clear(message: Message, institution_id: str) -> None:
    descriptor = message.DESCRIPTOR
    # Everything within a message of the caller's institution belongs to that institution.
    if OWNER in descriptor.fields_by_name and getattr(message, OWNER) == institution_id:
        return
    if (names := reserved(descriptor)) and institution_id not in set(_owners(message)):
        for name in names:
            message.ClearField(name)
    for inner in _inner(message):
        if _reserves(inner.DESCRIPTOR):
            _clear(inner, institution_id)


def _owners(message: Message) -> Iterator[str]:
    if OWNER in message.DESCRIPTOR.fields_by_name:
        yield getattr(message, OWNER)
        return
    for inner in _inner(message):
        yield from _owners(inner)


def _inner(message: Message) -> Iterator[Message]:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            value = value.values()
        elif not field.is_repeated:
            value = [value]
        yield from (each for each in value if isinstance(each, Message))


@cache
def _reserves(descriptor: Descriptor) -> bool:
    """Return True if this message type, or any that it can contain, has a reserved field."""
    return any(reserved(each) for each in _reachable(descriptor, {}).values())


def _reachable(descriptor: Descriptor, found: dict[str, Any]) -> dict[str, Descriptor]:
    if descriptor.full_name not in found:
        found[descriptor.full_name] = descriptor
        for field in descriptor.fields:
            if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None:
                _reachable(field.message_type, found)
    return found
