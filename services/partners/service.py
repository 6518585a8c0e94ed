"""The partners service.

Topics in: none. Topics out: `kieng.directory.v1`, `kieng.partners.v1`.
RPCs: all of DirectoryService and PartnerService.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import uuid_utils

from kieng.directory.v1 import directory_service_pb2
from kieng.partners.v1 import partner_service_pb2
from services.kernel.container import Waker, repeat
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.outbox import Relay
from services.kernel.publisher import Publisher
from services.partners import metrics, wire
from services.partners.documents import Change
from services.partners.domain import directory
from services.partners.domain.partner import best_first, the_one
from services.partners.outbox import UNSENT_PER_RUN, DirectoryOutbox, PartnerOutbox
from services.partners.search_text import fold
from services.partners.store import DirectoryStore, PartnerStore

UNITS_DEFAULT = 20
PARTNERS_DEFAULT = 50


class PartnersService:
    """The directory of institutions and units, and the registry of partners."""

    name = "partners"
    serves = (
        directory_service_pb2.DESCRIPTOR.services_by_name["DirectoryService"],
        partner_service_pb2.DESCRIPTOR.services_by_name["PartnerService"],
    )

    call = CurrentCall()
    directories = DirectoryStore()
    partners = PartnerStore()
    publish = Publisher()
    wake_relay = Waker("publish_outbox")
    relay = Relay(on_outage=metrics.RELAY_FAILURES.inc)

    @property
    def change(self) -> Change:
        """Metadata of the writes of this call."""
        return Change(datetime.now(UTC), str(uuid_utils.uuid7()), self.call.traceparent)

    @grpc
    def publish_directory(self, request: Any) -> Any:
        """Publish a new version of the tree. Idempotent: an unchanged tree keeps its version."""
        units = directory.arranged(wire.decode_units(request.units), fold)
        version = self.directories.publish(units, self.change)
        self.wake_relay()
        return directory_service_pb2.PublishDirectoryResponse(version=version)

    @grpc
    def get_directory(self, request: Any) -> Any:
        """Return one version of the tree; the newest comes from memory."""
        found = self.directories.get(request.version)
        return directory_service_pb2.GetDirectoryResponse(directory=wire.encode_directory(found))

    @grpc
    def search_units(self, request: Any) -> Any:
        """Return matching units, best first; none before a directory is published."""
        units = directory.search(
            self.directories.entries(),
            fold(request.query),
            below_unit_id=request.below_unit_id,
            limit=request.page_size or UNITS_DEFAULT,
        )
        return directory_service_pb2.SearchUnitsResponse(units=map(wire.encode_unit, units))

    @grpc
    def register_partner(self, request: Any) -> Any:
        """Register a partner; a steward may also complete one. Idempotent by tax code and names."""
        asked = wire.decode_partner(request.partner)
        may_complete = "steward" in self.call.principal.roles
        key_of = wire.key_of if may_complete else None
        partner, is_new = self.partners.register(asked, self.change, key_of)
        self.wake_relay()
        return partner_service_pb2.RegisterPartnerResponse(
            partner=wire.encode_partner(partner), created=is_new
        )

    @grpc
    def resolve_partner(self, request: Any) -> Any:
        """Return the single partner that a text refers to."""
        query = request.query.strip()
        partner = the_one(query, self.partners.meant_by(query, wire.key_of(query)))
        return partner_service_pb2.ResolvePartnerResponse(partner=wire.encode_partner(partner))

    @grpc
    def search_partners(self, request: Any) -> Any:
        """Return partners that match by words of their names, best first."""
        found = self.partners.with_words(fold(request.query).split())
        best = best_first(found, wire.key_of(request.query))
        limit = request.page_size or PARTNERS_DEFAULT
        return partner_service_pb2.SearchPartnersResponse(
            partners=map(wire.encode_partner, best[:limit])
        )

    @repeat(0.5)
    def publish_outbox(self) -> bool:
        """Publish pending events. Safe to repeat. Return True if more may be pending."""
        outboxes = DirectoryOutbox(self.directories), PartnerOutbox(self.partners)
        return bool(self.relay.run(outboxes, self.publish, UNSENT_PER_RUN))
