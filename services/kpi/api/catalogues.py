"""gRPC handlers of CatalogueService: catalogue versions, their views, and proposals of changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import cast

from google.protobuf.message import Message

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from services.agreement.api import ProposalApi
from services.agreement.domain import Kind, Motion, Proposal, State
from services.agreement.providers import ProposalStore
from services.agreement.wire import agreement_of, encode_proposal, motion_of
from services.kernel.bell import Ringer
from services.kernel.errors import NotFound, WrongState
from services.kernel.grpc import CurrentCall, grpc
from services.kpi.api.binding import Effects, bound, frozen
from services.kpi.config import VIEWS
from services.kpi.domain.months import month_range
from services.kpi.providers import (
    CatalogueStore,
    Clock,
    Live,
    LogIdentity,
    TargetStore,
    ViewSnapshots,
)
from services.kpi.query.reorganisation import compare_trees
from services.kpi.store.catalogues import view_id
from services.kpi.store.documents import DATABASE
from services.kpi.store.views import View, ViewProgress
from services.kpi.what_if.runner import WhatIfRunner
from services.kpi.what_if.worker import encode_request
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.contradictions import SOURCE, TOPIC
from services.policy.enforcement import need
from services.policy.rules import Resource

LOOK_SECONDS = 0.5


class CatalogueApi(ProposalApi):
    """Implements CatalogueService and ProposalService; a base class of `KpiQuery`."""

    call = CurrentCall()
    catalogues = CatalogueStore()
    now = Clock()
    log_identity = LogIdentity()
    live = Live()
    snapshots = ViewSnapshots()
    targets = TargetStore()
    what_if = WhatIfRunner()
    ring = Ringer()

    proposals = ProposalStore(DATABASE)
    proposals_topic, proposals_source = TOPIC, SOURCE

    @property
    def effects(self) -> Effects:
        """The `Effects`, which carry out the proposals of this service once they are approved."""
        return Effects(self.catalogues, self.log_identity)

    def take_effect(self, motion: Motion) -> str:
        """Carry out an approved motion; return the id of the view that results from it.

        Raises:
            Refusal: it can no longer be carried out, or not yet; see `Effects.of`.
        """
        view_id = self.effects.of(motion)
        self.ring(VIEWS)
        return view_id

    @grpc
    def publish_catalogue(
        self, request: catalogue_service_pb2.PublishCatalogueRequest
    ) -> catalogue_service_pb2.PublishCatalogueResponse:
        """PublishCatalogue: propose indicators and a tree, or return the view that they have.

        If a view of this catalogue is live or being built, nothing is proposed. Otherwise the
        response contains the proposal and, if that took effect at once, its view as well.
        """
        message = frozen(request, self.catalogues)
        answer = catalogue_service_pb2.PublishCatalogueResponse()
        known = self._view_of(message)
        if known is None:
            self.effects.need_log()
            request.directory_version = message.directory_version
            self._propose(Kind.CATALOGUE, request, answer.proposal)
            known = self._view_of(message)
        if known is not None:
            answer.version, answer.view_id = known.catalogue_version, known.view_id
            answer.state = encode_state(known).state
        return answer

    @grpc
    def roll_back_catalogue(
        self, request: catalogue_service_pb2.RollBackCatalogueRequest
    ) -> catalogue_service_pb2.RollBackCatalogueResponse:
        """RollBackCatalogue: propose to make the former live view live again.

        If it is being brought up to date already, nothing is proposed and its id is returned. See
        `Catalogues.fallback` for refusals.
        """
        live, former = self.catalogues.live(), self.catalogues.fallback()
        answer = catalogue_service_pb2.RollBackCatalogueResponse()
        if former.state != "building" and live is not None:
            request.from_view_id = request.from_view_id or live.view_id
            request.to_view_id = request.to_view_id or former.view_id
            found = self._propose(Kind.ROLLBACK, request, answer.proposal)
            answer.view_id = found.outcome if found.state is State.EFFECTIVE else ""
            return answer
        answer.view_id = former.view_id
        return answer

    @grpc
    def open_log_generation(
        self, request: catalogue_service_pb2.OpenLogGenerationRequest
    ) -> catalogue_service_pb2.OpenLogGenerationResponse:
        """OpenLogGeneration: propose a view of the current log, if none has been made yet.

        If a view of the log was made already, nothing is proposed, and the answer names that view
        and its generation; if it is already proposed, the answer holds that proposal.

        A number of partitions that the log does not have yet is proposed as well: the proposal
        takes effect once it is approved and the log has been repartitioned.

        Raises:
            WrongState: the log got more partitions and still holds folded records, see
                `Catalogues.need_purged`, or it has more partitions than requested. Such a proposal
                could never take effect.
        """
        topic_id, begins = self.effects.present_log()
        answer = catalogue_service_pb2.OpenLogGenerationResponse()
        if 0 < request.partitions < len(begins):
            text = f"the log has {len(begins)} partitions, and none can be taken away"
            raise WrongState(text, reason="STALE_LOG")
        # The number is named by `kieng log repartition`, which removes the records once approved.
        is_repartition = request.partitions > 0
        request.topic_id = request.topic_id or topic_id
        request.partitions = request.partitions or len(begins)
        log = (request.topic_id, request.partitions)
        if not any(view.is_of(*log) for view in self.catalogues.views()):
            if not is_repartition:
                self.catalogues.need_purged(topic_id, begins)
            found = self._propose(Kind.LOG_GENERATION, request, answer.proposal)
            if found.state is not State.EFFECTIVE:
                return answer
        view = self.effects.open_generation(request)
        self.ring(VIEWS)
        answer.generation, answer.view_id = view.generation, view.view_id
        answer.needs_republish = view.state == "building" and not view.phase
        return answer

    def _view_of(self, message: catalogue_pb2.Catalogue) -> View | None:
        """Return the view of a catalogue if it is live or being built, else None."""
        live, version = self.catalogues.live(), self.catalogues.version_of(message)
        if live is None or not version:
            return None
        if live.catalogue_version == version:
            return cast(View, live)
        found: View | None = self.catalogues.view(view_id(live.generation, version))
        return found if found is not None and found.state == "building" else None

    def _propose(self, kind: Kind, request: Message, shown: Message) -> Proposal:
        """Put a request to the vote, and copy the resulting proposal into ``shown``.

        Args:
            kind: kind of proposal.
            request: the action to propose.
            shown: the field of the response that shows the proposal.
        """
        need(self.call.principal, self.call.method, Resource())
        directory, today = self.catalogues.directory(0), self.now().date().isoformat()
        terms = agreement_of(directory.terms, bound(directory, today))
        found = self.ask(motion_of(kind, request), terms)
        shown.CopyFrom(encode_proposal(found))
        return found

    @grpc
    def try_catalogue(
        self, request: catalogue_service_pb2.TryCatalogueRequest
    ) -> Iterator[catalogue_service_pb2.TryCatalogueResponse]:
        """TryCatalogue: stream what another catalogue would change in the live view's numbers.

        Nothing is published or stored.

        Raises:
            WrongState: no catalogue has been published, or the log lacks an institution of this
                one, see `Catalogues.need_republished`.
        """
        message = frozen(request, self.catalogues)
        months = month_range(request.from_month, request.to_month)
        live = self.catalogues.live()
        if live is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")
        year = months[1] // 12
        targets = {
            f"{target.unit_id}|{target.indicator_code}": target.value
            for target in self.targets.all()
            if target.year == year
        }
        progress = self.catalogues.view_progress(live.view_id)
        if live.generation > 1:
            self.catalogues.need_republished(progress, decode_catalogue(message))
        before = self.catalogues.message(live.catalogue_version)
        asked = encode_request(live, before, message, progress.vector, months, targets)
        yield from self.what_if.run(asked, self.call.is_active)

    @grpc
    def compare_trees(
        self, request: catalogue_service_pb2.CompareTreesRequest
    ) -> catalogue_service_pb2.CompareTreesResponse:
        """CompareTrees: return a unit's numbers in the tree as it was and in the tree as it is."""
        with self.live.read() as view_state:
            view = view_state.view  # it may advance while the database is read
        message = self.catalogues.message(view.catalogue_version)
        directory = self.catalogues.directory(message.directory_version)
        return compare_trees(request, self.live, view, message, directory, self.snapshots)

    @grpc(is_watch=True)
    def follow_view(
        self, request: catalogue_service_pb2.FollowViewRequest
    ) -> Iterator[catalogue_service_pb2.FollowViewResponse]:
        """FollowView: stream the progress of a view, every half second, while it is being built.

        The last message shows a state other than `building`, which may also be the first message.

        Raises:
            NotFound: there is no such view. The caller's fault.
        """
        began: tuple[float, int] | None = None
        pause = threading.Event()
        while self.call.is_active():
            view = self.catalogues.view(request.view_id)
            if view is None:
                raise NotFound(f"there is no view {request.view_id!r}")
            state = encode_state(view, self.catalogues.view_progress(view.view_id))
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
        """GetCatalogue: return a catalogue version; without one, that of the live view.

        Version 1 if no view is live either. Raises NotFound if there is no such version.
        """
        live = self.catalogues.live()
        version = request.version or (live.catalogue_version if live else 1)
        message = self.catalogues.message(version)
        message.version = version
        return catalogue_service_pb2.GetCatalogueResponse(catalogue=message)

    @grpc
    def list_views(
        self, request: catalogue_service_pb2.ListViewsRequest
    ) -> catalogue_service_pb2.ListViewsResponse:
        """ListViews: return all views, newest first."""
        progress = self.catalogues.view_progress
        views = [encode_state(each, progress(each.view_id)) for each in self.catalogues.views()]
        return catalogue_service_pb2.ListViewsResponse(views=views)


def encode_state(view: View, standing: ViewProgress | None = None) -> catalogue_service_pb2.View:
    """Return a view with its state, phase and progress as a protobuf message.

    Args:
        view: the view.
        standing: how far it has read the log; None leaves its counts at 0.
    """
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
