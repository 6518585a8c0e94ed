"""What binds all institutions in this service: the request as it is proposed, and its effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from kieng.kpi.v1 import catalogue_service_pb2 as api
from services.agreement.domain import Kind, Motion
from services.agreement.wire import read_motion
from services.kernel.errors import Unavailable, WrongState
from services.kpi.query.reorganisation import units_as_is
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.views import View
from services.kpi.wire.catalogue import decode_catalogue

Frozen = api.PublishCatalogueRequest | api.TryCatalogueRequest


@dataclass(frozen=True, slots=True)
class Effects:
    """Lets an approved motion take effect; idempotent.

    ``log_identity`` returns the topic id of the submissions log and its first offsets.
    """

    registry: Catalogues
    log_identity: Callable[[], tuple[str, Mapping[int, int]]]

    def of(self, motion: Motion) -> str:
        """Do what a motion says and return the id of the view that comes of it.

        Raises:
            WrongState: it can no longer be done, or another view is being built.
            Unavailable: the broker is down, or lost its log again.
        """
        effects: dict[Kind, tuple[Any, Callable[[Any], View]]] = {
            Kind.CATALOGUE: (api.PublishCatalogueRequest(), self.publish),
            Kind.ROLLBACK: (api.RollBackCatalogueRequest(), self.roll_back),
            Kind.LOG_GENERATION: (api.OpenLogGenerationRequest(), self.open_generation),
        }
        request, effect = effects[motion.kind]
        read_motion(motion, request)
        return effect(request).view_id

    def publish(self, request: api.PublishCatalogueRequest) -> View:
        """Freeze a catalogue and open its view, beside the live one if there is one."""
        message = frozen(request, self.registry)
        live, topic_id, begins = self.need_log()
        version = self.registry.publish(message)
        if live is None:
            return self.registry.open(topic_id, version, begins)
        if live.catalogue_version == version:
            return live
        limit = request.parked_max if request.HasField("parked_max") else None
        return self.registry.build_beside(version, limit)

    def need_log(self) -> tuple[View | None, str, Mapping[int, int]]:
        """Return live view, topic id and first offsets, if the log is the one that was folded.

        Raises:
            WrongState: it is another one.
            Unavailable: the broker is down.
        """
        live, (topic_id, begins) = self.registry.live(), self.log_identity()
        if live is not None and not live.is_of(topic_id, len(begins)):
            raise WrongState("the log is another one; open a generation", reason="LOG_DIVERGED")
        return live, topic_id, begins

    def roll_back(self, request: api.RollBackCatalogueRequest) -> View:
        """Make the former view live again, if the two are still those of the request.

        Raises:
            WrongState: they are others by now, or another view is being built.
        """
        live, former = self.registry.live(), self.registry.former()
        if live is not None and live.view_id == request.to_view_id:
            return live
        now = (live.view_id if live else "", former.view_id if former else "")
        if now != (request.from_view_id, request.to_view_id):
            text = f"{now[0]} answers now and {now[1]} did before; propose it again"
            raise WrongState(text, reason="STALE_VIEW")
        return self.registry.roll_back()

    def open_generation(self, request: api.OpenLogGenerationRequest) -> View:
        """Open a view of the present log, if it is the one of the request.

        Raises:
            WrongState: it is another one, or no catalogue is published yet.
            Unavailable: the broker is down, or lost its log again.
        """
        known, topic_id, begins = self._newest()
        if (topic_id, len(begins)) != (request.topic_id, request.partitions):
            raise WrongState("the log is another one by now; propose it again", reason="STALE_LOG")
        view = self.registry.open(topic_id, known.catalogue_version, begins)
        if self.log_identity()[0] != topic_id:
            # Superseded: it will never be folded; callers wait for the newest generation.
            self.registry.refuse(view, "LOG_DIVERGED: the log was lost again")
            raise Unavailable("the log is another one by now; repeat", reason="LOG_DIVERGED")
        return view

    def present_log(self) -> tuple[str, int]:
        """Return topic id and number of partitions of the present log.

        Raises:
            WrongState: no catalogue is published yet.
            Unavailable: the broker is down.
        """
        _, topic_id, begins = self._newest()
        return topic_id, len(begins)

    def _newest(self) -> tuple[View, str, Mapping[int, int]]:
        # A restored database has views, but no live one.
        known = self.registry.live() or next(iter(self.registry.views()), None)
        if known is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")
        topic_id, begins = self.log_identity()
        return known, topic_id, begins


def frozen(request: Frozen, registry: Catalogues) -> catalogue_pb2.Catalogue:
    """Return the catalogue with its units; refuses definitions that cannot be counted."""
    directory = registry.directory(request.directory_version)
    is_as_is = request.tree == api.TREE_AS_IS
    message = catalogue_pb2.Catalogue(
        indicators=request.indicators,
        directory_version=directory.version,
        units=units_as_is(directory.units) if is_as_is else directory.units,
        taxonomies=request.taxonomies,
    )
    decode_catalogue(message)
    return message


def bound(directory: directory_pb2.Directory, today: str) -> list[str]:
    """Return the institutions of a tree that have not ended by an ISO date."""
    return [
        unit.unit_id
        for unit in directory.units
        if unit.kind == directory_pb2.UNIT_KIND_INSTITUTION
        if not unit.valid_to or unit.valid_to >= today
    ]
