"""Which records the oracle counts: judged from the contract, independently of the fold.

It shares no code with the decoder, so that a fold that parks what counts, or counts what is to be
parked, differs from the oracle in a cell (ADR 0025, ADR 0058).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from buf.validate import validate_pb2
from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2

CLAIMS: Final = ("declared", "verified")
_TYPES = facts_pb2.Facts.DESCRIPTOR.fields_by_name
_ALWAYS = frozenset({"unit_authors", "payer_unit_id", "institutions"})
_PARTS = submission_pb2.Part.DESCRIPTOR.values_by_number
_SOURCES = submission_pb2.Source.DESCRIPTOR.values_by_number
_HANOI = datetime.timedelta(hours=7)


class Judge:
    """Judges the events of a log for one catalogue.

    Args:
        catalogue: the catalogue to count with.
    """

    def __init__(self, catalogue: catalogue_pb2.Catalogue) -> None:
        self._units: Container[str] = {unit.unit_id for unit in catalogue.units}
        self._read = fields_read(catalogue)

    def event(self, value: bytes) -> events_pb2.SubmissionChanged | None:
        """Return the event that the bytes encode; None if it does not count, i.e. is parked."""
        try:
            event = events_pb2.SubmissionChanged.FromString(value)
        except DecodeError:
            return None
        return event if self.counts(event) else None

    def counts(self, event: events_pb2.SubmissionChanged) -> bool:
        """Return True if an event says everything that it needs, of its own, in the right form."""
        claims = [getattr(event, name) for name in CLAIMS if event.HasField(name)]
        return (
            bool(event.work_key and event.submission_id)
            and is_its_own(event)
            and all(claim.unit_id in self._units for claim in claims)
            and is_day(event.reported_on or "2000-01-01")
            and all(_is_time(getattr(event, name)) for name in ("changed_at", "verified_at"))
            and all(self._is_well_said(claim) for claim in claims)
        )

    def _is_well_said(self, claim: events_pb2.Claim) -> bool:
        kind = claim.facts.WhichOneof("kind")
        if kind is None or claim.share_ppm > 10**6:
            return False
        if claim.part not in _PARTS or claim.source not in _SOURCES:
            return False
        read = self._read.get(kind, frozenset())
        said = getattr(claim.facts, kind).ListFields()
        return all(is_of_form(field, value) for field, value in said if field.name in read)


def is_its_own(event: events_pb2.SubmissionChanged) -> bool:
    """Return True if the institution of an event has the right to write it (ADR 0025)."""
    mine = event.institution_id
    claims = [getattr(event, name) for name in CLAIMS if event.HasField(name)]
    *owner, _ = event.submission_id.rsplit(".", 1)
    epoch, change = divmod(event.version, 2**40)
    return (
        bool(mine)
        and all(claim.unit_id.split("/")[0] == mine for claim in claims)
        and owner in ([], [mine])
        and (event.work_key[:4] != "sub:" or event.work_key[4:] == event.submission_id)
        and 0 <= epoch <= 2**20
        and change > 0
    )


def fields_read(catalogue: catalogue_pb2.Catalogue) -> dict[str, frozenset[str]]:
    """Return submission type -> names of the fields of its facts that a catalogue reads."""
    found: dict[str, set[str]] = {}
    taxonomies = {taxonomy.code: taxonomy for taxonomy in catalogue.taxonomies}
    for indicator in catalogue.indicators:
        for part in ("value", "denominator"):
            component: catalogue_pb2.Component = getattr(indicator, part)
            if not component.type:
                continue
            names = {*_named(component), *_ALWAYS} - {"", "never"}
            for cut in indicator.cuts:
                names |= _of_cut(cut, taxonomies)
            for kind in _TYPES if component.type == "any" else [component.type]:
                found.setdefault(kind, set()).update(names)
    return {
        kind: frozenset(names | ({happened(kind)} if "happened_on" in names else set()))
        for kind, names in found.items()
    }


def _named(component: catalogue_pb2.Component) -> Iterator[str]:
    yield from (component.date, component.until, component.not_before, component.member)
    yield from (component.amount, component.times)
    for condition in component.where:
        yield from (condition.field, condition.within.after)


def _of_cut(cut: str, taxonomies: Mapping[str, catalogue_pb2.Taxonomy]) -> set[str]:
    if cut not in taxonomies:
        return {cut}
    other = taxonomies[cut].derived_from
    return {taxonomies[cut].fact} | ({taxonomies[other].fact} if other else set())


def happened(kind: str) -> str:
    """Return the name of the field that holds the day on which a work of a type happened."""
    message = _TYPES[kind].message_type
    assert message is not None
    (name,) = (
        field.name for field in message.fields if field.GetOptions().Extensions[facts_pb2.happened]
    )
    return name


def is_of_form(field: FieldDescriptor, value: Any) -> bool:
    """Return True if a value that is set in facts is one that the contract allows for its field."""
    if field.enum_type is not None:
        numbers = value if field.is_repeated else [value]
        return all(number and number in field.enum_type.values_by_number for number in numbers)
    if field.name[-3:] == "_on":
        return is_day(value)
    if field.name[-4:] == "_vnd":
        return len(value) < 16 and _is_as_written(value, lambda text: abs(int(text)))
    if field.type == field.TYPE_INT32:
        limit = field.GetOptions().Extensions[validate_pb2.field].int32
        return bool(limit.gte <= value <= limit.lte)
    return True


def is_day(text: str) -> bool:
    """Return True for a day of the calendar, written as computers write it: `2025-03-01`."""
    return _is_as_written(text, datetime.date.fromisoformat)


def _is_as_written(text: str, read: Callable[[str], object]) -> bool:
    """Return True if a text is what is written for the value that is read from it."""
    try:
        return str(read(text)) == text
    except ValueError:
        return False


def _is_time(time: Any) -> bool:
    try:
        datetime.datetime(1970, 1, 1) + _HANOI + datetime.timedelta(seconds=time.seconds)
        datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.seconds)
    except OverflowError:
        return False
    return bool(0 <= time.nanos < 10**9)
