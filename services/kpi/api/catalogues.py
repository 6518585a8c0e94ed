"""RPC handlers of CatalogueService: catalogue versions and the views made of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from services.kernel.errors import NotFound, Unavailable, WrongState
from services.kernel.grpc import CurrentCall, grpc
from services.kpi.domain.months import month_range
from services.kpi.providers import CatalogueStore, Live, LogIdentity, TargetStore, ViewSnapshots
from services.kpi.query.reorganisation import compare_trees, units_as_is
from services.kpi.store.views import View, ViewProgress
from services.kpi.what_if.runner import WhatIfRunner
from services.kpi.what_if.worker import encode_request
from services.kpi.wire.catalogue import decode_catalogue

LOOK_SECONDS = 0.5


class CatalogueApi:
    """Implements CatalogueService; mixed into the service class `KpiQuery`."""

    call = CurrentCall()
    registry = CatalogueStore()
    log_identity = LogIdentity()
    live = Live()
    snapshots = ViewSnapshots()
    targets = TargetStore()
    what_if = WhatIfRunner()

    @grpc
    def publish_catalogue(
        self, request: catalogue_service_pb2.PublishCatalogueRequest
    ) -> catalogue_service_pb2.PublishCatalogueResponse:
        """PublishCatalogue: freeze indicators with a directory version and open its view.

        Raises:
            WrongState: the log is another one than the live view reads.
        """
        message = self._frozen(request)
        live, (topic_id, begins) = self.registry.live(), self.log_identity()
        if live is not None and not live.is_of(topic_id, len(begins)):
            raise WrongState("the log is another one; open a generation", reason="LOG_DIVERGED")
        version = self.registry.publish(message)
        if live is None:
            view = self.registry.open(topic_id, version, begins)
        elif live.catalogue_version == version:
            view = live
        else:
            limit = request.parked_max if request.HasField("parked_max") else None
            view = self.registry.build_beside(version, limit)
        return catalogue_service_pb2.PublishCatalogueResponse(
            version=version, view_id=view.view_id, state=encode_state(view).state
        )

    @grpc
    def roll_back_catalogue(
        self, request: catalogue_service_pb2.RollBackCatalogueRequest
    ) -> catalogue_service_pb2.RollBackCatalogueResponse:
        """RollBackCatalogue: make the former live view live again."""
        view = self.registry.roll_back()
        return catalogue_service_pb2.RollBackCatalogueResponse(view_id=view.view_id)

    @grpc
    def try_catalogue(
        self, request: catalogue_service_pb2.TryCatalogueRequest
    ) -> Iterator[catalogue_service_pb2.TryCatalogueResponse]:
        """TryCatalogue: stream what another catalogue would change at the live view's position.

        Raises:
            WrongState: no catalogue is published yet.
        """
        message = self._frozen(request)
        months = month_range(request.from_month, request.to_month)
        live = self.registry.live()
        if live is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")
        year = months[1] // 12
        targets = {
            f"{target.unit_id}|{target.indicator_code}": target.value
            for target in self.targets.all()
            if target.year == year
        }
        ends = self.registry.view_progress(live.view_id).vector
        before = self.registry.message(live.catalogue_version)
        asked = encode_request(live, before, message, ends, months, targets)
        yield from self.what_if.run(asked, self.call.is_active)

    @grpc
    def compare_trees(
        self, request: catalogue_service_pb2.CompareTreesRequest
    ) -> catalogue_service_pb2.CompareTreesResponse:
        """CompareTrees: return one unit's numbers in the tree as it was and as it is."""
        with self.live.read() as view_state:
            pass  # the state may advance while the database is read
        message = self.registry.message(view_state.view.catalogue_version)
        directory = self.registry.directory(message.directory_version)
        return compare_trees(request, view_state, message, directory, self.snapshots)

    def _frozen(
        self,
        request: catalogue_service_pb2.PublishCatalogueRequest
        | catalogue_service_pb2.TryCatalogueRequest,
    ) -> catalogue_pb2.Catalogue:
        """Return the catalogue with its units; refuses definitions that cannot be counted."""
        directory = self.registry.directory(request.directory_version)
        is_as_is = request.tree == catalogue_service_pb2.TREE_AS_IS
        message = catalogue_pb2.Catalogue(
            indicators=request.indicators,
            directory_version=directory.version,
            units=units_as_is(directory.units) if is_as_is else directory.units,
            taxonomies=request.taxonomies,
        )
        decode_catalogue(message)
        return message

    @grpc
    def follow_view(
        self, request: catalogue_service_pb2.FollowViewRequest
    ) -> Iterator[catalogue_service_pb2.FollowViewResponse]:
        """FollowView: stream a view's progress until it is no longer being built.

        Raises:
            NotFound: there is no such view. The caller's fault.
        """
        began: tuple[float, int] | None = None
        pause = threading.Event()
        while self.call.is_active():
            view = self.registry.view(request.view_id)
            if view is None:
                raise NotFound(f"there is no view {request.view_id!r}")
            state = encode_state(view, self.registry.view_progress(view.view_id))
            now = time.monotonic()
            began = began or (now, state.events_done)
            answer = catalogue_service_pb2.FollowViewResponse(view=state)
            if now > began[0]:
                answer.events_per_second = (state.events_done - began[1]) / (now - began[0])
            if answer.events_per_second > 0:
                left = max(0, state.events_wanted - state.events_done)
                answer.seconds_left = left / answer.events_per_second
            yield answer
            if view.state != "building":
                return
            pause.wait(LOOK_SECONDS)

    @grpc
    def get_catalogue(
        self, request: catalogue_service_pb2.GetCatalogueRequest
    ) -> catalogue_service_pb2.GetCatalogueResponse:
        """GetCatalogue: return a catalogue version, by default that of the live view."""
        live = self.registry.live()
        version = request.version or (live.catalogue_version if live else 1)
        message = self.registry.message(version)
        message.version = version
        return catalogue_service_pb2.GetCatalogueResponse(catalogue=message)

    @grpc
    def open_log_generation(
        self, request: catalogue_service_pb2.OpenLogGenerationRequest
    ) -> catalogue_service_pb2.OpenLogGenerationResponse:
        """OpenLogGeneration: open a view of the present log if it is a new one.

        Raises:
            WrongState: no catalogue is published yet.
            Unavailable: the log was lost again meanwhile; repeat.
        """
        # A restored database has views, but no live one.
        known = self.registry.live() or next(iter(self.registry.views()), None)
        if known is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")
        topic_id, begins = self.log_identity()
        view = self.registry.open(topic_id, known.catalogue_version, begins)
        if self.log_identity()[0] != topic_id:
            # Superseded: it will never be folded; callers wait for the newest generation.
            self.registry.refuse(view, "LOG_DIVERGED: the log was lost again")
            raise Unavailable("the log is another one by now; repeat", reason="LOG_DIVERGED")
        return catalogue_service_pb2.OpenLogGenerationResponse(
            generation=view.generation,
            view_id=view.view_id,
            needs_republish=view.state == "building" and not view.phase,
        )

    @grpc
    def list_views(
        self, request: catalogue_service_pb2.ListViewsRequest
    ) -> catalogue_service_pb2.ListViewsResponse:
        """ListViews: return all views, newest first."""
        views = self.registry.views()
        return catalogue_service_pb2.ListViewsResponse(
            views=[encode_state(view, self.registry.view_progress(view.view_id)) for view in views]
        )


def encode_state(view: View, standing: ViewProgress | None = None) -> catalogue_service_pb2.View:
    """Return the message of a view with its state, phase and progress."""
    kinds = catalogue_service_pb2.View
    return catalogue_service_pb2.View(
        view_id=view.view_id,
        state=kinds.State.Value(f"STATE_{view.state.upper()}"),
        phase=kinds.Phase.Value(f"PHASE_{(view.phase or 'unspecified').upper()}"),
        generation=view.generation,
        catalogue_version=view.catalogue_version,
        fold_version=view.fold_version,
        partitions=view.partitions,
        waiting_for=view.awaits,
        events_done=standing.read if standing else 0,
        events_wanted=sum(view.targets.values()) if view.phase else 0,
        parked=standing.parked if standing else 0,
        reason=view.reason,
    )
