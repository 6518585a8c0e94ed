"""Validates a content and brings it into canonical form before it becomes part of a submission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial

from google.protobuf.descriptor import MethodDescriptor

from kieng.submissions.v1 import submission_pb2
from services.kernel.access import Principal
from services.kernel.errors import Forbidden, InvalidArgument, NotFound, WrongState
from services.policy.enforcement import need
from services.policy.rules import Resource
from services.submissions import wire
from services.submissions.directory_cache import KnownUnits
from services.submissions.domain.submission import Content
from services.submissions.domain.transitions import need_evidence
from services.submissions.identifiers import check_facts, happened_on, is_day, write_identifiers
from services.submissions.mistakes import blanked, listed, together
from services.submissions.work_keys import fact_type

VOUCHERS = {submission_pb2.SOURCE_REGISTRY: "registry", submission_pb2.SOURCE_SYSTEM: "system"}
"""Source of a claim -> role that a caller needs to name this source, which outranks `declared`."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Validates the contents that one caller sends.

    ``units`` are the units of the directory. ``resolve`` returns the partner id for a partner's
    name, tax code or id, and raises `NotFound` or `WrongState` if that does not mean one partner.
    """

    principal: Principal
    method: MethodDescriptor
    units: KnownUnits
    resolve: Callable[[str], str]

    def content(
        self,
        message: submission_pb2.Content,
        submission_id: str,
        today: date,
        *,
        needs_evidence: bool = False,
    ) -> Content:
        """Return a content in canonical form, with partners resolved to their registered ids.

        Args:
            message: content that satisfies the rules of the contract; not modified.
            submission_id: becomes part of the work key if the facts contain no identifier of the
                work.
            today: calendar date in Asia/Ho_Chi_Minh.
            needs_evidence: whether a content without any evidence is wrong.

        Raises:
            InvalidArgument: the caller sent wrong fields; the error names each and its correction.
            Forbidden: the unit is outside the caller's scope, or the caller lacks the role for the
                source that the content names.
            Unavailable: the partners service is down.
        """
        message = _known_fields(message)
        self._check(message, today, needs_evidence=needs_evidence)
        return wire.decode_content(message, submission_id)

    def check_rest(
        self, message: submission_pb2.Content, wrong: Iterable[str], today: date
    ) -> None:
        """Check what can be checked of a content in which some fields break the contract.

        Args:
            message: the content; not modified.
            wrong: paths of the fields that break the contract, in the content.
            today: calendar date in Asia/Ho_Chi_Minh.

        Raises:
            InvalidArgument, Forbidden, Unavailable: as `content`. The error may also name fields
                that break the contract, because they are taken for blank here.
        """
        rest = blanked(_known_fields(message), wrong)
        assert isinstance(rest, submission_pb2.Content)
        if fact_type(rest.facts):
            self._check(rest, today, needs_evidence=True)

    def _check(self, message: submission_pb2.Content, today: date, *, needs_evidence: bool) -> None:
        """Check a content and write its canonical form into it; names all mistakes at once."""
        write_identifiers(message.facts)
        checks = [
            partial(self._check_source, message),
            *(partial(self.units.need, unit, path) for path, unit in _named_units(message)),
            partial(self._check_scope, message),
            partial(check_facts, message.facts, today),
            partial(self._check_life, message),
            partial(self._name_partner, message),
        ]
        if needs_evidence:
            checks.append(partial(need_evidence, len(message.evidence)))
        together(checks)

    def repeats(self, message: submission_pb2.Content, stored: Content) -> bool:
        """Return True if a message has the stored content, so that it need not be validated again.

        This is much cheaper than `content`, which speeds up importing the same file again.

        Args:
            message: content as received; need not satisfy the rules of the contract.
            stored: content of the submission that it would replace.

        Raises:
            InvalidArgument: it names a partner that is not registered any more.
            Forbidden: the caller lacks the role for the source that the content names.
            Unavailable: the partners service is down.
        """
        if message.unit_id != stored.unit_id or fact_type(message.facts) != stored.type:
            return False
        same = _known_fields(message)
        fact = getattr(same.facts, stored.type)
        if "partner_id" in fact.DESCRIPTOR.fields_by_name:
            fact.partner_id = getattr(wire.encode_content(stored).facts, stored.type).partner_id
        if same.SerializeToString(deterministic=True) != stored.encoded:
            return False
        self._check_source(same)
        # The rules for identifiers, or the partner of this name, may have changed since.
        write_identifiers(same.facts)
        self._name_partner(same)
        return same.SerializeToString(deterministic=True) == stored.encoded

    def _check_source(self, message: submission_pb2.Content) -> None:
        role = VOUCHERS.get(message.source, "")
        if role and role not in self.principal.roles:
            path = "content.source"
            text = f"needs the role {role}; without it leave the source empty, or say declared"
            raise Forbidden(
                f"{path}: {text}",
                reason="SOURCE_NOT_YOURS",
                fields={path: text},
                details={"field": path, "role": role},
            )

    def _check_scope(self, message: submission_pb2.Content) -> None:
        if self.units.find(message.unit_id) is None:
            return
        try:
            need(self.principal, self.method, Resource.of([message.unit_id]))
        except Forbidden:
            own, path = self.principal.unit_id, "content.unit_id"
            text = f"your credential does not reach {message.unit_id}; name {own} or a unit below"
            raise Forbidden(f"{path}: {text}", fields={path: text}) from None

    def _check_life(self, message: submission_pb2.Content) -> None:
        """Reject facts dated before the unit began or after it ended, if both are known."""
        unit_id = message.unit_id
        unit = self.units.find(unit_id)
        name, day = happened_on(message.facts)
        if not is_day(day):
            return
        path = f"content.facts.{fact_type(message.facts)}.{name}"
        if unit is not None and unit.had_ended_by(day):
            ended = f"{unit_id} ended on {unit.last_day}; claim what came later for {unit.heirs}"
            late = f"lies after the last day of {unit_id}, {unit.last_day}"
            texts = {"content.unit_id": ended, path: late}
            raise InvalidArgument(listed(texts), reason="UNIT_ENDED", fields=texts)
        if unit is not None and unit.began_after(day):
            day, heirs = unit.first_day, unit.forebears
            began = f"{unit_id} began on {day}; claim what came before for {heirs}"
            early = f"lies before the first day of {unit_id}, {unit.first_day}"
            texts = {"content.unit_id": began, path: early}
            raise InvalidArgument(listed(texts), reason="UNIT_NOT_BEGUN", fields=texts)

    def _name_partner(self, message: submission_pb2.Content) -> None:
        kind = fact_type(message.facts)
        fact = getattr(message.facts, kind)
        if "partner_id" not in fact.DESCRIPTOR.fields_by_name:
            return
        fact.partner_id = ""
        if not fact.partner.strip():
            return
        path = f"content.facts.{kind}.partner"
        try:
            fact.partner_id = self.resolve(fact.partner.strip())
        except NotFound:
            text = "no such partner; register it with `kieng partner add`"
            raise InvalidArgument(f"{path}: {text}", fields={path: text}) from None
        except WrongState as several:
            text = f"names several partners; write the tax code or id: {several.message}"
            raise InvalidArgument(f"{path}: {text}", fields={path: text}) from None


def _known_fields(message: submission_pb2.Content) -> submission_pb2.Content:
    """Return a copy without unknown fields, which the contract does not bound."""
    copy = submission_pb2.Content.FromString(message.SerializeToString())
    copy.DiscardUnknownFields()
    return copy


def _named_units(message: submission_pb2.Content) -> Iterator[tuple[str, str]]:
    yield "content.unit_id", message.unit_id
    kind = fact_type(message.facts)
    fact = getattr(message.facts, kind)
    prefix = f"content.facts.{kind}."
    names = fact.DESCRIPTOR.fields_by_name
    if "institutions" in names:
        for position, unit_id in enumerate(fact.institutions):
            yield f"{prefix}institutions[{position}]", unit_id
    if "payer_unit_id" in names and fact.payer_unit_id:
        yield f"{prefix}payer_unit_id", fact.payer_unit_id
