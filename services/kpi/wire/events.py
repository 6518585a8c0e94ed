"""Decodes events of the submissions log into statements about works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from functools import lru_cache

from google.protobuf.message import DecodeError

from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.domain import authority
from services.kpi.domain.catalogue import EVIDENCE, HAPPENED, REPORTED, Catalogue
from services.kpi.domain.work import UNVERIFIED, Claim, Fact, Statement
from services.kpi.wire import forms
from services.kpi.wire.vocabulary import fields, happened

CHANGED = events_pb2.SubmissionChanged.DESCRIPTOR.full_name
REPUBLISHED = events_pb2.LogRepublished.DESCRIPTOR.full_name

_DECLARED_RANK = submission_pb2.SOURCE_DECLARED
_PARTS = frozenset(submission_pb2.Part.values())
_SOURCES = frozenset(submission_pb2.Source.values())
# Vietnam has had a fixed UTC offset since 1975, so no time zone database is needed.
_VIETNAM_SECONDS = 7 * 3600
_DAY_SECONDS = 24 * 3600
_EPOCH = date(1970, 1, 1)


def decode_changed(value: bytes) -> events_pb2.SubmissionChanged:
    """Return the `SubmissionChanged` event that the bytes encode.

    Raises:
        InvalidRecord: the bytes are not such a message, or it lacks work key, submission or
            version. The producer's fault.
    """
    try:
        event = events_pb2.SubmissionChanged.FromString(value)
    except DecodeError as error:
        raise InvalidRecord(f"not a {CHANGED}: {error}") from error
    if not (event.work_key and event.submission_id and event.version > 0):
        raise InvalidRecord(f"a {CHANGED} needs work_key, submission_id and version")
    return event


def check_authority(event: events_pb2.SubmissionChanged, source: str) -> None:
    """Check that the institution of an event may write it, see `domain.authority`.

    Args:
        event: the event.
        source: CloudEvents source of its record.

    Raises:
        InvalidRecord: the institution may not write it; the message says why. The producer's fault.
    """
    _check_source(event.institution_id, source)
    units = {c.unit_id for c in (event.declared, event.verified) if c.unit_id}
    speaker = authority.Speaker(
        event.institution_id, event.submission_id, event.version, event.work_key
    )
    if reason := authority.refusal(speaker, sorted(units)):
        raise InvalidRecord(reason)


def name_of(event: events_pb2.SubmissionChanged) -> str:
    """Return the full name of an event's submission, under which a work keeps its statement."""
    return authority.full_name(event.institution_id, event.submission_id)


def _check_source(institution_id: str, source: str) -> None:
    if source != authority.source_of(institution_id):
        raise InvalidRecord(f"source {source!r} is not {institution_id!r}")


def decode_republished(value: bytes, generation: int, source: str) -> frozenset[str]:
    """Return the institution of a `LogRepublished` event, as a set; empty for an older log's.

    Such an event says that an institution has published all its submissions again.

    Args:
        value: the encoded event.
        generation: generation of the log; events of earlier generations are ignored.
        source: CloudEvents source of its record.

    Raises:
        InvalidRecord: the bytes are not a `LogRepublished`, or it names no institution or another
            one than its source. The producer's fault.
    """
    try:
        mark = events_pb2.LogRepublished.FromString(value)
    except DecodeError as error:
        raise InvalidRecord(f"not a {REPUBLISHED}: {error}") from error
    if not mark.institution_id:
        raise InvalidRecord(f"a {REPUBLISHED} needs institution_id")
    _check_source(mark.institution_id, source)
    return frozenset({mark.institution_id} if mark.generation >= generation else ())


def decode_statement(
    event: events_pb2.SubmissionChanged, catalogue: Catalogue, source: bytes
) -> Statement:
    """Return what an event states about its work, with those facts that the catalogue uses.

    Without a declared or verified claim it is a retraction, which is a statement as well.

    Args:
        event: the event.
        catalogue: the view's catalogue.
        source: the encoded event, kept in the statement.

    Raises:
        InvalidRecord: a unit is not in the catalogue's tree, facts are missing, or a value that is
            read is not of its form, see `forms`. Deterministic, so that every replay raises it.
    """
    for name in ("changed_at", "verified_at"):
        if event.HasField(name):
            forms.check_time(name, getattr(event, name))
    if event.reported_on:
        forms.day(REPORTED, event.reported_on)
    declared = verified = None
    if event.HasField("declared"):
        declared = _claim(event, event.declared, catalogue)
    if event.HasField("verified"):
        # Both claims are mostly equal; comparing messages is cheaper than decoding another one.
        if declared is not None and event.verified == event.declared:
            verified = declared
        else:
            verified = _claim(event, event.verified, catalogue)
    return Statement(event.version, declared, verified, source)


def decode_stored(
    sources: Iterable[bytes], catalogue: Catalogue
) -> Iterator[tuple[events_pb2.SubmissionChanged, Statement]]:
    """Yield each event that a view has stored, with its statement.

    Events that this release would park are left out. They are in views of former fold versions,
    which answer until their successor is built.

    Args:
        sources: the encoded events.
        catalogue: the catalogue to count with.
    """
    for source in sources:
        event = decode_changed(source)
        with suppress(InvalidRecord):
            yield event, decode_statement(event, catalogue, source)


def _claim(
    event: events_pb2.SubmissionChanged, claim: events_pb2.Claim, catalogue: Catalogue
) -> Claim:
    unit = catalogue.tree.number.get(claim.unit_id)
    if unit is None:
        raise InvalidRecord(f"unit {claim.unit_id!r} is not in the catalogue's tree")
    name = claim.facts.WhichOneof("kind")
    if name is None:
        raise InvalidRecord("the claim has no facts")
    _check_attributes(claim)
    wanted = catalogue.fields_of.get(name, frozenset())
    readers = _readers(name)
    facts: dict[str, Fact] = {}
    # `ListFields` returns only fields that are set, about half of them.
    for field, raw in getattr(claim.facts, name).ListFields():
        if field.name in wanted:
            facts[field.name] = readers[field.name](raw)
    facts.update(_facts_of_every_type(event, claim, name, wanted))
    return Claim(
        name_of(event),
        unit,
        claim.part == submission_pb2.PART_LEAD,
        claim.share_ppm,
        claim.source or _DECLARED_RANK,
        name,
        facts,
        _verified_ms(event),
    )


def _check_attributes(claim: events_pb2.Claim) -> None:
    if claim.part not in _PARTS:
        raise InvalidRecord(f"part has no value {claim.part}")
    if claim.source not in _SOURCES:
        raise InvalidRecord(f"source has no value {claim.source}")
    forms.number("share_ppm", claim.share_ppm, 0, forms.PPM_MAX)


def _verified_ms(event: events_pb2.SubmissionChanged) -> int:
    """Return when an event's submission was first verified for its work, in ms since 1970.

    Events of older logs do not state it. Then the time of their version is used, which is never
    earlier, so that no unit can lead a work by leaving the time out. `UNVERIFIED` without a
    verified claim.
    """
    if not event.HasField("verified"):
        return UNVERIFIED
    for said in ("verified_at", "changed_at"):
        if event.HasField(said):
            time = getattr(event, said)
            return int(time.seconds) * 1000 + int(time.nanos) // 1_000_000
    return UNVERIFIED


def _facts_of_every_type(
    event: events_pb2.SubmissionChanged,
    claim: events_pb2.Claim,
    type_name: str,
    wanted: frozenset[str],
) -> dict[str, Fact]:
    """Return those of the wanted facts that claims of every type have; see `EVERY_TYPE`."""
    facts: dict[str, Fact] = {}
    if HAPPENED in wanted:
        name = happened(type_name)
        text = getattr(getattr(claim.facts, type_name), name)
        facts[HAPPENED] = text and forms.day(name, text)
    if REPORTED in wanted:
        facts[REPORTED] = event.reported_on or _day_of_change(event)
    if EVIDENCE in wanted:
        facts[EVIDENCE] = len(set(claim.evidence_sha256))
    return {name: fact for name, fact in facts.items() if fact}


def _day_of_change(event: events_pb2.SubmissionChanged) -> str:
    if not event.HasField("changed_at"):
        return ""
    return _vietnamese_day((event.changed_at.seconds + _VIETNAM_SECONDS) // _DAY_SECONDS)


@lru_cache(maxsize=1024)
def _vietnamese_day(days: int) -> str:
    """Return the date of a day number, counted from 1970-01-01. Cached: a log has few dates."""
    return (_EPOCH + timedelta(days)).isoformat()


@lru_cache(maxsize=64)
def _readers(type_name: str) -> dict[str, forms.Read]:
    """Return field name -> function that turns a set value into a fact, for a submission type."""
    return {name: forms.reader(field) for name, field in fields(type_name).items()}
