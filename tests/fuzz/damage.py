"""Bytes that are no message, or almost one."""

from __future__ import annotations

import random

BYTES_MAX = 4096


def damaged(whole: bytes, dice: random.Random) -> bytes:
    """Return bytes of a message with some of them changed, taken out, repeated or added."""
    spoilt = bytearray(whole)
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(len(spoilt) + 1)
        length = dice.choice((0, 1, 1, 2, 8, 64))
        by = dice.choice(
            (b"", dice.randbytes(1), dice.randbytes(8), bytes(spoilt[at : at + 64]), b"\xff" * 10)
        )
        spoilt[at : at + length] = by
    return bytes(spoilt)


def noise(dice: random.Random) -> bytes:
    """Return random bytes, few or many."""
    return dice.randbytes(dice.choice((0, 1, 2, 16, 300, BYTES_MAX)))


def nested(dice: random.Random) -> bytes:
    """Return a message in a message and so on, deeper than any parser goes."""
    inner, tag = b"", bytes([dice.randrange(1, 16) << 3 | 2])
    while len(inner) < BYTES_MAX:
        inner = tag + _varint(len(inner)) + inner
    return inner


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])
