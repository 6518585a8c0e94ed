"""Carries out the actions of this service that bind all institutions and need their approval."""

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
    """Carries out approved motions, i.e. requests that were put to the vote. Idempotent.

    Args:
        catalogues: stored catalogues and views.
        log_identity: returns the topic id of the submissions log, and partition -> its first
            offset.
    """

    catalogues: Catalogues
    log_identity: Callable[[], tuple[str, Mapping[int, int]]]

    def of(self, motion: Motion) -> str:
        """Carry out an approved motion; return the id of the view that results from it.

        It does what the RPC of the motion's request does: publish a catalogue, roll one back or
        open a log generation.

        Raises:
            WrongState: the action is no longer possible, or another view is being built.
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
        """Freeze a catalogue and open its view; if another view is live, start a rebuild instead.

        Returns:
            The view of this catalogue, which is the live one if it already uses the same catalogue.

        Raises:
            InvalidArgument: a definition cannot be counted.
            WrongState: the log is not the one of the live view, or another view is being built or
                removed.
            Unavailable: the broker is down.
        """
        message = frozen(request, self.catalogues)
        live, topic_id, begins = self.need_log()
        version = self.catalogues.publish(message)
        if live is None:
            return self.catalogues.open(topic_id, version, begins)
        if live.catalogue_version == version:
            return live
        limit = request.parked_max if request.HasField("parked_max") else None
        return self.catalogues.build_beside(version, limit)

    def need_log(self) -> tuple[View | None, str, Mapping[int, int]]:
        """Check that the log is the one that the live view was folded from.

        Returns:
            The live view, or None if there is none; the topic id; partition -> its first offset.

        Raises:
            WrongState: the log is a different one.
            Unavailable: the broker is down.
        """
        live, (topic_id, begins) = self.catalogues.live(), self.log_identity()
        if live is not None and not live.is_of(topic_id, len(begins)):
            raise WrongState("the log is another one; open a generation", reason="LOG_DIVERGED")
        return live, topic_id, begins

    def roll_back(self, request: api.RollBackCatalogueRequest) -> View:
        """Begin to make the former view live again, if both views are still those of the request.

        Returns:
            The former view, which is being brought up to date or, if this was done before, live.

        Raises:
            WrongState: other views are live or former by now, or another view is being built.
        """
        live, former = self.catalogues.live(), self.catalogues.former()
        if live is not None and live.view_id == request.to_view_id:
            return live
        now = (live.view_id if live else "", former.view_id if former else "")
        if now != (request.from_view_id, request.to_view_id):
            text = f"{now[0]} answers now and {now[1]} did before; propose it again"
            raise WrongState(text, reason="STALE_VIEW")
        return self.catalogues.roll_back()

    def open_generation(self, request: api.OpenLogGenerationRequest) -> View:
        """Open a view of the present log as a new generation, if the request is about this log.

        Returns:
            The new view, or the one that this log already has.

        Raises:
            WrongState: the log is a different one by now, has not been repartitioned yet, or no
                catalogue has been published.
            Unavailable: the broker is down, or lost its log again.
        """
        known, topic_id, begins = self._newest()
        if topic_id == request.topic_id and len(begins) < request.partitions:
            here, asked = len(begins), request.partitions
            text = f"the log has {here} partitions: `kieng log repartition {asked}`"
            raise WrongState(text, reason="LOG_NOT_REPARTITIONED")
        if (topic_id, len(begins)) != (request.topic_id, request.partitions):
            raise WrongState("the log is another one by now; propose it again", reason="STALE_LOG")
        view = self.catalogues.open(topic_id, known.catalogue_version, begins)
        if self.log_identity()[0] != topic_id:
            # The log changed meanwhile, so this view can never be folded.
            self.catalogues.refuse(view, "LOG_DIVERGED: the log was lost again")
            raise Unavailable("the log is another one by now; repeat", reason="LOG_DIVERGED")
        return view

    def present_log(self) -> tuple[str, Mapping[int, int]]:
        """Return the topic id of the present log, and partition -> its first offset.

        Raises:
            WrongState: no catalogue has been published.
            Unavailable: the broker is down.
        """
        _, topic_id, begins = self._newest()
        return topic_id, begins

    def _newest(self) -> tuple[View, str, Mapping[int, int]]:
        # After a restore the database has views, but none of them is live.
        known = self.catalogues.live() or next(iter(self.catalogues.views()), None)
        if known is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")
        topic_id, begins = self.log_identity()
        return known, topic_id, begins


def frozen(request: Frozen, catalogues: Catalogues) -> catalogue_pb2.Catalogue:
    """Return the catalogue that a request describes, completed by the units of the directory.

    Args:
        request: indicators and taxonomies, and which unit tree to use.
        catalogues: holds the directory versions.

    Raises:
        InvalidArgument: a definition cannot be counted. The caller's fault.
    """
    directory = catalogues.directory(request.directory_version)
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
    """Return the ids of the institutions that have not ended; a decision binds all of them.

    Args:
        directory: unit tree.
        today: the date, `YYYY-MM-DD`.
    """
    return [
        unit.unit_id
        for unit in directory.units
        if unit.kind == directory_pb2.UNIT_KIND_INSTITUTION
        if not unit.valid_to or unit.valid_to >= today
    ]
