"""Messages of any contract: some valid, some hostile, drawn from what the services answered.

A drawn message is made by its descriptor, so that a new field or RPC is drawn by itself. What makes
it likely to reach the rules behind validation is the pool: values by field name and messages by
type, a few known at the start and the others taken from answers.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from uuid_utils import uuid7

KEPT = 60
DEPTH_MAX = 8
HOSTILE_RATES = (0.0, 0.0, 0.02, 0.1, 0.4)
"""Probability of a hostile leaf, drawn once for each message."""
TEXTS: tuple[str, ...] = (
    "",
    "\0",
    "\x1b[31mred",
    "\u202egnp.exe",
    "\u200b",
    "a\u0301" * 50,
    "$where",
    "$gt",
    "a.b.$[]",
)
TEXTS += (
    "../../etc/passwd",
    "javascript:0",
    "' or 1=1",
    "%s%n{0}",
    "9" * 400,
    "x" * 70_000,
    "đại học",
)
TEXTS += (
    "2021-13",
    "0000-00",
    "9999-12",
    "2021-02-30",
    "0001-01-01",
    "-1",
    "1e400",
    "NaN",
    "\U0010ffff",
)
NUMBERS = (0, 1, -1, 2, 7, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**53, 2**62, 2**63 - 1, -(2**63))
REALS = (0.0, -0.0, 1e308, -1e-308, float("inf"), float("-inf"), float("nan"))
SIZES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Pool:
    """Values by field name and messages by type, the latest of each. Thread-safe.

    Args:
        values: field name -> values that are known at the start; never forgotten.
    """

    def __init__(self, values: dict[str, list[Any]]) -> None:
        self._known = values
        self._values: dict[str, deque[Any]] = {}
        self._messages: dict[str, deque[Message]] = {}
        self._lock = threading.Lock()

    def take_in(self, message: Message, depth: int = 0) -> None:
        """Keep a message and all that it holds."""
        with self._lock:
            kept = self._messages.setdefault(message.DESCRIPTOR.full_name, deque(maxlen=KEPT))
            kept.append(message)
            for field, value in message.ListFields():
                each = value if field.is_repeated and not _is_map(field) else [value]
                if field.message_type is None:
                    self._values.setdefault(field.name, deque(maxlen=KEPT)).extend(each)
        for field, value in message.ListFields():
            if field.message_type is not None and not _is_map(field) and depth < DEPTH_MAX:
                for one in value if field.is_repeated else [value]:
                    self.take_in(one, depth + 1)

    def value(self, field: FieldDescriptor, dice: random.Random) -> Any:
        """Return a value that fits a field of this name; None if none is known."""
        with self._lock:
            known = self._known.get(field.name, [])
            seen = self._values.get(field.name) or known
        several = known if known and dice.random() < 0.5 else seen
        return dice.choice(several) if several else None

    def message(self, descriptor: Descriptor, dice: random.Random) -> Message | None:
        """Return a copy of a message of a type; None if none is known."""
        with self._lock:
            several = self._messages.get(descriptor.full_name)
            chosen = dice.choice(several) if several else None
        if chosen is None:
            return None
        copy: Message = GetMessageClass(descriptor)()
        copy.CopyFrom(chosen)
        return copy


def draw(descriptor: Descriptor, pool: Pool, dice: random.Random) -> Message:
    """Return a message of a type: any of its fields set, hostile to a degree drawn first."""
    return _draw(descriptor, pool, dice, dice.choice(HOSTILE_RATES), 0)


def _draw(
    descriptor: Descriptor, pool: Pool, dice: random.Random, hostile: float, depth: int
) -> Message:
    seen = pool.message(descriptor, dice) if dice.random() < 0.6 else None
    message: Message = seen or GetMessageClass(descriptor)()
    keeps = 1.0 - dice.choice((0.0, 0.05, 0.2, 0.5))
    for fields in _alternatives(descriptor):
        field = dice.choice(fields)
        if seen is not None and dice.random() < 0.85:
            continue
        if dice.random() < keeps and depth < DEPTH_MAX and not _is_map(field):
            _fill(message, field, pool, dice, hostile, depth)
    return message


def _alternatives(descriptor: Descriptor) -> Iterable[list[FieldDescriptor]]:
    """Yield each field alone, and the fields of a oneof together."""
    yield from (list(oneof.fields) for oneof in descriptor.oneofs)
    yield from ([field] for field in descriptor.fields if field.containing_oneof is None)


def _fill(
    message: Message,
    field: FieldDescriptor,
    pool: Pool,
    dice: random.Random,
    hostile: float,
    depth: int,
) -> None:
    count = dice.choice((0, 1, 1, 2, 3)) if field.is_repeated else 1
    if field.is_repeated and dice.random() < hostile / 10:
        count = 600
    made: list[Any] = [
        _draw(field.message_type, pool, dice, hostile, depth + 1)
        if field.message_type is not None
        else _leaf(field, pool, dice, hostile)
        for _ in range(count)
    ]
    if field.is_repeated:
        message.ClearField(field.name)
        getattr(message, field.name).extend(made)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(made[0])
    else:
        setattr(message, field.name, made[0])


def _leaf(field: FieldDescriptor, pool: Pool, dice: random.Random, hostile: float) -> Any:
    is_hostile = dice.random() < hostile
    if not is_hostile and field.name == "request_id" and dice.random() < 0.9:
        return str(uuid7())
    if not is_hostile and (known := pool.value(field, dice)) is not None and _fits(field, known):
        return known
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return dice.random() < 0.5
    if field.enum_type is not None:
        return dice.choice((99, -1)) if is_hostile else dice.choice(field.enum_type.values).number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return dice.randbytes(dice.choice((0, 1, 32, 5000)))
    if field.type == FieldDescriptor.TYPE_STRING:
        return dice.choice(TEXTS) if is_hostile else dice.choice(("", "a", "Synthetic text"))
    if field.cpp_type in SIZES:
        low, high = SIZES[field.cpp_type]
        number = dice.choice(NUMBERS) if is_hostile else dice.choice((0, 1, 2, 50))
        return min(max(number, low), high)
    return dice.choice(REALS)


def _fits(field: FieldDescriptor, value: Any) -> bool:
    """Return True if a value of another field of this name can be set here."""
    if field.cpp_type in SIZES:
        low, high = SIZES[field.cpp_type]
        return type(value) is int and low <= value <= high
    kinds: dict[int, type] = {
        FieldDescriptor.CPPTYPE_STRING: bytes if field.type == FieldDescriptor.TYPE_BYTES else str,
        FieldDescriptor.CPPTYPE_BOOL: bool,
        FieldDescriptor.CPPTYPE_ENUM: int,
    }
    return type(value) is kinds.get(field.cpp_type, float)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
