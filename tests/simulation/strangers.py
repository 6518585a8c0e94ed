"""Records that no service of ours writes: nonsense, forgeries, and values that resemble others."""

from __future__ import annotations

import random

from kieng.submissions.v1.events_pb2 import SubmissionChanged
from services.kpi.wire import events
from tests.simulation.claims import claim
from tests.simulation.history import Author, Headers, source
from tests.simulation.spoilt_values import spoil

FORGER = "forger"
"""Subject of the credential in such events."""


def poison(
    rng: random.Random, submission_id: str, version: int | None, work_key: str, institution: str
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return a record that can never be folded, or one of a type that is not known yet.

    It says that it is of a version of the submission, if one is given, or names nothing.
    """
    headers = [("ce_type", events.CHANGED.encode())]
    if version is not None:
        headers.append(("ce_id", f"{submission_id}:{version}:{work_key}".encode()))
        headers.append(source(institution))
    if rng.random() < 0.3:
        return b"\x00", [("ce_type", b"kieng.submissions.v9.FromTheFuture")]
    unknown_unit = SubmissionChanged(submission_id="", version=1, work_key=work_key)
    unknown_unit.declared.CopyFrom(claim(rng, "no/such/unit", 3)[1])
    return rng.choice((b"\xff\xff", unknown_unit.SerializeToString())), headers


def forgery(rng: random.Random, honest: SubmissionChanged) -> tuple[bytes, Headers]:
    """Return what another producer makes of an event: a claim, or a retraction, of somebody else.

    Most of it nobody can say. Under an id of older releases, though, a forger speaks for itself.
    """
    others = [name for name in ("a", "b", "c") if name != honest.institution_id]
    event, forger = SubmissionChanged(), rng.choice(others)
    event.CopyFrom(honest)
    event.version += 1
    event.submitted_by = FORGER
    speaker = event.institution_id
    kind = rng.randrange(5)
    if kind == 0:  # it ends every later version
        event.version = rng.choice((1 << 62, 5 << 40))
        event.ClearField("declared")
        event.ClearField("verified")
    elif kind == 1:  # for units of another institution
        event.institution_id = speaker = forger
    elif kind == 2:  # in the name of another institution
        speaker = forger
    elif kind == 3:  # under the id of another institution
        event.institution_id = speaker = forger
        for claimed in ("declared", "verified"):
            if event.HasField(claimed):
                getattr(event, claimed).unit_id = {"a": "a/x"}.get(forger, forger)
    else:
        event.institution_id = ""
    identity = f"{event.submission_id}:{event.version}:{event.work_key}"
    headers = [("ce_type", events.CHANGED.encode()), ("ce_id", identity.encode())]
    return event.SerializeToString(deterministic=True), [*headers, source(speaker)]


def outsider(rng: random.Random, unit_id: str, keys: int) -> SubmissionChanged:
    """Return what a producer outside of the product says of a work, mostly with a spoilt value."""
    institution = unit_id.partition("/")[0]
    prefix = rng.choice(("", f"{institution}."))
    author = Author(f"{prefix}x{rng.randrange(3)}", unit_id, rng.choice(("", "2025-02-14")))
    author.version = rng.randrange(6)
    author.change(rng, keys)
    event = author.change(rng, keys)[0]
    event.submitted_by = FORGER
    return spoil(rng, event) if rng.random() < 0.7 else event
