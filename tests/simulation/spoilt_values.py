"""Events as a producer outside of the product may write them: values that resemble the contract's.

Everything here is a message that protobuf encodes and decodes. What is spoilt is one value, drawn
from those that Python, SQL or a database reads more loosely than the contract says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import events_pb2

DAYS = (
    "2_25-03-01",
    "\uff12\uff10\uff12\uff15-03-01",
    "2025-\u06603-01",
    " 025-03-01",
    "-202-03-01",
    "+202-03-01",
    "12025-03-01",
    "0000-03-01",
    "2025- 3-01",
    "2025-3-1",
    "2025-03",
    "2025-03-1",
    "2025-02-30",
    "2025-03-00",
    "2025-13-01",
    "2025-03-01\n",
    " 2025-03-01",
    "2025-03-01 ",
    "2025-03-01T00:00",
    "2025-03-01\0",
    "2025/03/01",
    "20250301",
    "2025-W10-1",
    "2025-03-01 (BC)",
    "infinity",
)
"""Texts that are no day; `0001-01-01` and `9999-12-31` are days."""
AMOUNTS = (
    "007",
    "00",
    "1_000",
    "\uff11\uff12",
    "\u0663",
    " 5",
    "5 ",
    "+5",
    "-5",
    "-0",
    "1e3",
    "5.0",
    "1" * 16,
    "\u00b2",
)
TEXTS = (
    "",
    "\0",
    "\x1f",
    "a\tb",
    "a|b",
    "'",
    "é",
    "e\u0301",
    "\U0001d538",
    "a\x01",
    "true",
    "null",
    "0",
    "{}",
)
SECONDS = (1 << 62, -(1 << 62), 253_402_300_800, 253_402_275_600, -62_135_596_801)
"""Seconds of no time of the years 0001 to 9999 in Vietnam."""
TIMES = (0, -1, 253_402_275_599, -62_135_596_800, 1_740_000_000)
NUMBERS = (-1, -7, 0, 1, 5001, 10_001, 100_001, (1 << 31) - 1, -(1 << 31))

Change = Callable[[], None]


def _field_values(rng: random.Random, field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        value: Any = rng.choice((77, -1, 1, 2))
    elif field.name.endswith("_on"):
        value = rng.choice((*DAYS, "0001-01-01", "9999-12-31", "2024-02-29"))
    elif field.name.endswith("_vnd"):
        value = rng.choice((*AMOUNTS, "0", "9" * 15))
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        value = True
    elif field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        value = rng.choice(NUMBERS)
    else:
        value = rng.choice((*TEXTS, "ai", "semiconductor", "cybersecurity", "a", "b/x", "zzz"))
    return value


def _spoil_facts(rng: random.Random, claim: events_pb2.Claim) -> None:
    message = getattr(claim.facts, str(claim.facts.WhichOneof("kind")))
    field = rng.choice(message.DESCRIPTOR.fields)
    if field.is_repeated:
        values = [_field_values(rng, field) for _ in range(rng.randrange(1, 4))]
        if field.enum_type is not None and rng.random() < 0.3:
            values.append(0)
        del getattr(message, field.name)[:]
        getattr(message, field.name).extend(values)
    else:
        setattr(message, field.name, _field_values(rng, field))


def _number(rng: random.Random, numbers: Sequence[int]) -> Any:
    """Return one of these as a value of any enum, whether or not it is declared there."""
    return rng.choice(numbers)


def _spoil_claim(rng: random.Random, claim: events_pb2.Claim) -> None:
    kind = rng.randrange(4)
    if kind == 0:
        claim.share_ppm = rng.choice((1, 1_000_000, 1_000_001, (1 << 32) - 1))
    elif kind == 1:
        claim.part = _number(rng, (0, 1, 2, 3, -1))
    elif kind == 2:
        claim.source = _number(rng, (0, 1, 3, 4, -5))
    else:
        claim.evidence_sha256.extend(rng.choices(TEXTS, k=2))


def _spoil_event(rng: random.Random, event: events_pb2.SubmissionChanged) -> None:
    kind = rng.randrange(4)
    if kind == 0:
        event.reported_on = rng.choice((*DAYS, "", "0001-01-01"))
    elif kind == 1:
        times = [getattr(event, name) for name in ("changed_at", "verified_at")]
        time = rng.choice(times)
        time.seconds = rng.choice((*SECONDS, *TIMES))
        time.nanos = rng.choice((0, 999_999_999, 1_000_000_000, -1))
    elif kind == 2:
        event.submission_id = rng.choice(
            (".x", "x.", ".", "a\x1fb", "a\x01", "a", "\0", "a.b.c", "é")
        )
        if rng.random() < 0.4:
            event.submission_id = f"{event.institution_id}.{event.submission_id}"
    else:
        event.work_key += rng.choice(TEXTS)


def spoil(rng: random.Random, event: events_pb2.SubmissionChanged) -> events_pb2.SubmissionChanged:
    """Return an event of which one value is drawn anew; it may come out well."""
    spoilt = events_pb2.SubmissionChanged()
    spoilt.CopyFrom(event)
    claims: Sequence[events_pb2.Claim] = [
        getattr(spoilt, name) for name in ("declared", "verified") if spoilt.HasField(name)
    ]
    choice = rng.random()
    if not claims or choice < 0.25:
        _spoil_event(rng, spoilt)
    elif choice < 0.4:
        _spoil_claim(rng, rng.choice(claims))
    else:
        both = len(claims) == 2 and claims[0] == claims[1]
        _spoil_facts(rng, claims[0])
        if both and rng.random() < 0.7:
            claims[1].CopyFrom(claims[0])
    return spoilt
