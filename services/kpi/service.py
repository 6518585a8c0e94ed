"""The KPI service: what it listens to and what it answers.

Topics in: `kieng.submissions.v1`, `kieng.directory.v1`. Topic out: `kieng.kpi.v1`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from google.protobuf.message import DecodeError

from kieng.directory.v1 import events_pb2 as directory_events
from kieng.kpi.v1 import (
    catalogue_service_pb2,
    edition_service_pb2,
    kpi_service_pb2,
    parked_service_pb2,
    target_service_pb2,
)
from services.kernel.container import repeat
from services.kernel.errors import Forbidden, InvalidArgument, InvalidRecord, Unavailable
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.kafka import Record, consume, event_type
from services.kernel.mongo import DOWN
from services.kernel.publisher import Publisher
from services.kpi import metrics
from services.kpi.builder import ViewBuilder
from services.kpi.config import RECORDS_MAX
from services.kpi.editing import Editing
from services.kpi.figures import show_figures
from services.kpi.log_identity import SUBMISSIONS
from services.kpi.owning import OwnedPartitions
from services.kpi.parked import get_parked, list_parked
from services.kpi.providers import (
    Live,
    ParkedStore,
    Registries,
    TargetStore,
)
from services.kpi.publishing import Publishing
from services.kpi.reaching import encode_reached, reached
from services.kpi.reading import Reading
from services.kpi.store.targets import Target
from services.kpi.wire import answers
from services.kpi.wire.cells import check_unit, find_indicator

log = structlog.get_logger()

DIRECTORY_PUBLISHED = directory_events.DirectoryPublished.DESCRIPTOR.full_name


class KpiAggregator:
    """Folds the submissions log into the newest view of this log."""

    name = "kpi.aggregator"

    registry = Registries()
    partitions = OwnedPartitions()
    builder = ViewBuilder()

    @consume(SUBMISSIONS, group="kieng.kpi", positions="partitions", max_records=RECORDS_MAX)
    def on_submissions(self, records: list[Record]) -> None:
        """Fold a batch. Safe to run twice: what was folded is passed over."""
        self.partitions.fold(records)

    @repeat(10.0)
    def watch_log(self) -> None:
        """Notice that the topic was made anew while it is read."""
        self.partitions.watch()

    @repeat(0.25)
    def build_views(self) -> None:
        """Go one step on with the view that is built beside the live one, if there is any."""
        try:
            self.builder.step()
        except (Unavailable, *DOWN):
            log.warning("broker or database is down; building goes on when they are back")

    @consume("kieng.directory.v1", group="kieng.kpi.directory")
    def on_directory(self, records: list[Record]) -> None:
        """Keep every directory version. Safe to run twice."""
        published = [record for record in records if event_type(record) == DIRECTORY_PUBLISHED]
        for record in published:
            try:
                event = directory_events.DirectoryPublished.FromString(record.value or b"")
            except DecodeError as error:
                raise InvalidRecord(str(error), offset=record.offset) from None
            self.registry.keep_directory(event.directory)
        # At last: what is invalid has the others handed over again.
        skipped = len(records) - len(published)
        metrics.RECORDS_SKIPPED.labels(records[0].topic).inc(skipped)


class KpiQuery(Reading, Editing, Publishing):
    """Serves reads (`reading`), editions (`editing`), the catalogue (`publishing`) and targets."""

    name = "kpi.query"
    serves = (
        kpi_service_pb2.DESCRIPTOR.services_by_name["KpiService"],
        catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"],
        target_service_pb2.DESCRIPTOR.services_by_name["TargetService"],
        edition_service_pb2.DESCRIPTOR.services_by_name["EditionService"],
        parked_service_pb2.DESCRIPTOR.services_by_name["ParkedService"],
    )

    call = CurrentCall()
    live = Live()
    targets = TargetStore()
    parked = ParkedStore()
    publish = Publisher()

    @repeat(0.025)
    def refresh(self) -> None:
        """Take over what the aggregator committed."""
        try:
            self.live.refresh()
            self.live.refreshed_at = time.time()
        except DOWN:
            log.warning("the database is down; answers grow old")

    @repeat(5.0)
    def show_figures(self) -> None:
        """Show this year's numbers to Prometheus."""
        with suppress(Unavailable):  # no view is live yet
            show_figures(self.live, self.now().year)

    @repeat(1.0)
    def tell_reached_targets(self) -> None:
        """Publish targets that were reached; may tell one again, with the same event id."""
        try:
            with self.live.read() as moment:
                view_id, found = moment.view.view_id, reached(moment)
            now = datetime.now(UTC)
            self.publish([encode_reached(target, value, view_id, now) for target, value in found])
            for target, _ in found:
                self.targets.mark_reached(target, now)
        except (Unavailable, *DOWN):
            return  # told again when broker and database are back

    @grpc
    def list_parked(
        self, request: parked_service_pb2.ListParkedRequest
    ) -> parked_service_pb2.ListParkedResponse:
        """Return records that could not be folded."""
        with self.live.read() as moment:
            view_id = moment.view.view_id
        return list_parked(request, self.call.principal, view_id, self.parked)

    @grpc
    def get_parked(
        self, request: parked_service_pb2.GetParkedRequest
    ) -> parked_service_pb2.GetParkedResponse:
        """Return one record that could not be folded, with its content."""
        with self.live.read() as moment:
            view_id = moment.view.view_id
        return get_parked(request, self.call.principal, view_id, self.parked)

    @grpc
    def set_target(
        self, request: target_service_pb2.SetTargetRequest
    ) -> target_service_pb2.SetTargetResponse:
        """Set a target of the caller's own institution, or of any unit for the consortium."""
        wanted = request.target
        with self.live.read() as moment:
            tree = moment.catalogue.tree
            check_unit(wanted.unit_id, moment.catalogue, "target.unit_id")
            indicator = find_indicator(
                wanted.indicator_code, moment.catalogue, "target.indicator_code"
            )
        if indicator.denominator or indicator.attainment_of:
            text = "a ratio has no target of its own"
            raise InvalidArgument(text, fields={"target.indicator_code": text})
        own = tree.number.get(self.call.principal.unit_id)
        if own is None or not tree.holds(own, tree.number[wanted.unit_id]):
            raise Forbidden("your token does not reach this unit")
        target = Target(wanted.unit_id, wanted.indicator_code, wanted.year, wanted.value)
        self.targets.set(target)
        self.live.targets_changed()
        return target_service_pb2.SetTargetResponse(target=wanted)

    @grpc
    def list_targets(
        self, request: target_service_pb2.ListTargetsRequest
    ) -> target_service_pb2.ListTargetsResponse:
        """Return the targets of a year."""
        found = (target for target in self.targets.all() if target.year == request.year)
        return target_service_pb2.ListTargetsResponse(targets=answers.encode_targets(found))
