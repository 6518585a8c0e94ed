"""The partners service.

Topics in: none. Topics out: `kieng.directory.v1`, `kieng.partners.v1`.
RPCs: all of DirectoryService, PartnerService and ProposalService.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import uuid_utils

from kieng.directory.v1 import directory_service_pb2
from kieng.partners.v1 import partner_service_pb2
from kieng.proposals.v1 import proposal_service_pb2
from services.agreement.api import ProposalApi
from services.agreement.domain import Agreement, Kind, Motion, State
from services.agreement.providers import ProposalStore
from services.agreement.wire import agreement_of, encode_proposal, motion_of, read_motion
from services.calendar import day_in_vietnam
from services.kernel.container import Waker, repeat
from services.kernel.errors import Conflict
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.outbox import Relay
from services.kernel.publisher import Publisher
from services.partners import metrics, wire
from services.partners.directory_versions import DirectoryStore
from services.partners.documents import Change
from services.partners.domain import changes, directory
from services.partners.domain.partner import best_first, the_one
from services.partners.domain.terms import DEFAULTS, Terms
from services.partners.outbox import (
    DIRECTORY_TOPIC,
    SOURCE,
    UNSENT_PER_RUN,
    DirectoryOutbox,
    PartnerOutbox,
)
from services.partners.publication_plan import Plan, TermsPlan, plan_of, terms_plan_of
from services.partners.schema import DATABASE
from services.partners.search_text import fold
from services.partners.store import TRIES, PartnerStore
from services.policy.enforcement import need
from services.policy.rules import Decision, Resource

UNITS_DEFAULT = 20
PARTNERS_DEFAULT = 50


class PartnersService(ProposalApi):
    """Keeps the directory of units and the registry of partners, and publishes their changes."""

    name = "partners"
    serves = (
        directory_service_pb2.DESCRIPTOR.services_by_name["DirectoryService"],
        partner_service_pb2.DESCRIPTOR.services_by_name["PartnerService"],
        proposal_service_pb2.DESCRIPTOR.services_by_name["ProposalService"],
    )

    call = CurrentCall()
    proposals = ProposalStore(DATABASE)
    proposals_topic, proposals_source = DIRECTORY_TOPIC, SOURCE
    directories = DirectoryStore()
    partners = PartnerStore()
    publish = Publisher()
    wake_relay = Waker("publish_outbox")
    relay = Relay(on_outage=metrics.RELAY_FAILURES.inc)

    @property
    def change(self) -> Change:
        """New metadata for a write: the current time, a new event id, and the trace of the call.

        The trace is empty for a periodic run, which has no call.
        """
        traceparent = getattr(self.call, "traceparent", "")
        return Change(datetime.now(UTC), str(uuid_utils.uuid7()), traceparent)

    @property
    def today(self) -> date:
        """The present calendar date in Vietnam, on which an institution may have ended."""
        return day_in_vietnam(datetime.now(UTC))

    @grpc
    def publish_directory(self, request: Any) -> Any:
        """Publish a tree, or propose it if it changes units beyond the caller's scope.

        Return the version of the directory that is now the newest, and the proposal if there is
        one. A tree equal to the newest one makes no new version.
        """
        for attempt in range(TRIES):
            plan = plan_of(request, self.directories, self.today)
            if plan.touched and self._may(plan.touched) is Decision.PROPOSE:
                motion = motion_of(Kind.DIRECTORY, plan.request, plan.affected)
                found = self.ask(motion, _agreement(plan.terms, plan.bound))
                version = int(found.outcome) if found.outcome.isdecimal() else plan.version
                return directory_service_pb2.PublishDirectoryResponse(
                    version=version, proposal=encode_proposal(found)
                )
            try:
                return directory_service_pb2.PublishDirectoryResponse(version=self._publish(plan))
            except Conflict:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    @grpc
    def change_terms(self, request: Any) -> Any:
        """Propose other terms of proposals, or return the version that has them.

        Return also the terms in force, which are the wanted ones if the caller's approval was the
        last one needed.

        Raises:
            InvalidArgument: the terms cannot be met; see `terms_plan_of`.
            WrongState: there is no directory, or the terms were changed meanwhile.
        """
        plan = terms_plan_of(request, self.directories, self.today)
        answer = directory_service_pb2.ChangeTermsResponse()
        held = plan.newest
        if plan.terms != held.terms:
            self._may(frozenset())
            motion = motion_of(Kind.TERMS, plan.request)
            found = self.ask(motion, _agreement(held.terms, plan.bound))
            answer.proposal.CopyFrom(encode_proposal(found))
            held = self.directories.stored() or held
        answer.version = held.version
        answer.terms.CopyFrom(wire.encode_terms(held.terms))
        return answer

    @grpc
    def get_directory(self, request: Any) -> Any:
        """Return one version of the directory; version 0 in the request means the newest.

        Raises:
            NotFound: this version does not exist, or none has been published yet.
        """
        found = self.directories.get(request.version)
        return directory_service_pb2.GetDirectoryResponse(directory=wire.encode_directory(found))

    @grpc
    def search_units(self, request: Any) -> Any:
        """Return the units whose names or codes match a query, best first.

        There are none before a directory is published.

        Raises:
            InvalidArgument: the query has no letter or digit, or ``below_unit_id`` is unknown.
        """
        units = directory.search(
            self.directories.entries(),
            fold(request.query),
            below_unit_id=request.below_unit_id,
            limit=request.page_size or UNITS_DEFAULT,
        )
        return directory_service_pb2.SearchUnitsResponse(units=map(wire.encode_unit, units))

    @grpc
    def register_partner(self, request: Any) -> Any:
        """Register a partner, or return the one that is registered with this tax code or name.

        A steward's request that adds names or a tax code to a registered partner becomes a
        proposal. Idempotent by tax code and names.
        """
        asked = wire.decode_partner(request.partner)
        if "steward" in self.call.principal.roles:
            known = self.partners.completion(asked, wire.key_of)
            if known is not None:
                partner, is_lacking = known
                answer = partner_service_pb2.RegisterPartnerResponse(
                    partner=wire.encode_partner(partner)
                )
                if is_lacking and self._may(frozenset()) is Decision.PROPOSE:
                    self._propose_partner(request, answer)
                return answer
        partner, is_new = self.partners.register(asked, self.change)
        self.wake_relay()
        return partner_service_pb2.RegisterPartnerResponse(
            partner=wire.encode_partner(partner), created=is_new
        )

    @grpc
    def resolve_partner(self, request: Any) -> Any:
        """Return the only partner with a given id, tax code or name.

        Raises:
            NotFound: there is none.
            WrongState: there are several; the details map the id of each to its name.
        """
        query = request.query.strip()
        partner = the_one(query, self.partners.meant_by(query, wire.key_of(query)))
        return partner_service_pb2.ResolvePartnerResponse(partner=wire.encode_partner(partner))

    @grpc
    def search_partners(self, request: Any) -> Any:
        """Return the partners whose names contain words beginning with the query's, best first.

        For a query without letters and digits every partner matches.
        """
        found = self.partners.with_words(fold(request.query).split())
        best = best_first(found, wire.key_of(request.query))
        limit = request.page_size or PARTNERS_DEFAULT
        return partner_service_pb2.SearchPartnersResponse(
            partners=map(wire.encode_partner, best[:limit])
        )

    def take_effect(self, motion: Motion) -> str:
        """Publish the approved tree or terms, or add approved names and a tax code to a partner.

        Returns:
            The version of the directory, or the partner id, as text.

        Raises:
            Refusal: the motion can no longer be carried out, see `plan_of`, `terms_plan_of`
                and `Partners.register`.
        """
        if motion.kind is Kind.DIRECTORY:
            tree = directory_service_pb2.PublishDirectoryRequest()
            read_motion(motion, tree)
            return str(self._publish(plan_of(tree, self.directories, self.today, is_exact=True)))
        if motion.kind is Kind.TERMS:
            terms = directory_service_pb2.ChangeTermsRequest()
            read_motion(motion, terms)
            return str(self._publish_terms(terms_plan_of(terms, self.directories, self.today)))
        asked = partner_service_pb2.RegisterPartnerRequest()
        read_motion(motion, asked)
        partner = wire.decode_partner(asked.partner)
        found, _ = self.partners.register(partner, self.change, wire.key_of)
        self.wake_relay()
        return str(found.partner_id)

    def _propose_partner(self, request: Any, answer: Any) -> None:
        """Propose to add what a registered partner lacks, and put the result into ``answer``."""
        newest = self.directories.stored()
        bound = changes.institutions(newest.units if newest else (), self.today.isoformat())
        found = self.ask(
            motion_of(Kind.PARTNER, request),
            _agreement(newest.terms if newest else DEFAULTS, bound),
        )
        answer.proposal.CopyFrom(encode_proposal(found))
        if found.state is State.EFFECTIVE:
            full = self.partners.completion(wire.decode_partner(request.partner), wire.key_of)
            if full is not None:
                answer.partner.CopyFrom(wire.encode_partner(full[0]))

    def _may(self, unit_ids: frozenset[str]) -> Decision:
        return need(self.call.principal, self.call.method, Resource(unit_ids))

    def _publish(self, plan: Plan) -> int:
        if not plan.touched:
            return plan.version
        version = self.directories.publish(plan.units, plan.terms, plan.version, self.change)
        self.wake_relay()
        return int(version)

    def _publish_terms(self, plan: TermsPlan) -> int:
        held = plan.newest
        if plan.terms == held.terms:
            return int(held.version)
        version = self.directories.publish(held.units, plan.terms, held.version, self.change)
        self.wake_relay()
        return int(version)

    @repeat(5.0)
    def publish_outbox(self) -> float | None:
        """Publish pending events; return as `OutboxRelay.run` when to do so again. Safe to repeat.

        Each write of events wakes it; the runs in between find events that a killed process left.
        """
        outboxes = DirectoryOutbox(self.directories), PartnerOutbox(self.partners)
        seconds: float | None = self.relay.run(outboxes, self.publish, UNSENT_PER_RUN)
        return seconds


def _agreement(terms: Terms, institutions: Iterable[str]) -> Agreement:
    return agreement_of(wire.encode_terms(terms), institutions)
