"""The nameko classes of the two KPI processes, `kpi.aggregator` and `kpi.query`.

Topics in: `kieng.submissions.v1`, `kieng.directory.v1`. Topic out: `kieng.kpi.v1`.
"""

from __future__ import annotations

import time
from contextlib import suppress

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
from kieng.proposals.v1 import proposal_service_pb2
from services.kernel.bell import Ringer
from services.kernel.container import poll, repeat
from services.kernel.errors import InvalidRecord, Unavailable
from services.kernel.kafka import Record, consume, event_type
from services.kernel.mongo import DOWN
from services.kpi import metrics
from services.kpi.api.catalogues import CatalogueApi
from services.kpi.api.editions import EditionApi
from services.kpi.api.kpis import KpiApi
from services.kpi.api.parked import ParkedApi
from services.kpi.api.targets import TargetApi
from services.kpi.config import RECORDS_MAX, SUBMISSIONS_GROUP, VIEWS
from services.kpi.domain.months import month_of_date
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.projection.ownership import OwnedPartitions
from services.kpi.providers import (
    CatalogueStore,
    Live,
)
from services.kpi.query.prometheus import show_figures
from services.kpi.rebuild.provider import ViewBuilder

log = structlog.get_logger()

DIRECTORY_PUBLISHED = directory_events.DirectoryPublished.DESCRIPTOR.full_name


class KpiAggregator:
    """`kpi.aggregator`: folds the submissions log into its newest view, and rebuilds views."""

    name = "kpi.aggregator"

    catalogues = CatalogueStore()
    partitions = OwnedPartitions()
    builder = ViewBuilder()
    ring = Ringer()

    @consume(SUBMISSIONS, group=SUBMISSIONS_GROUP, positions="partitions", max_records=RECORDS_MAX)
    def on_submissions(self, records: list[Record]) -> None:
        """Fold a batch of submission events of one partition.

        Idempotent: records before the checkpoint are skipped, so one delivered twice counts once.
        """
        self.partitions.fold(records)

    @repeat(10.0)
    def watch_log(self) -> None:
        """Check whether the submissions topic was recreated or given more partitions.

        If so, the partitions are claimed again.
        """
        self.partitions.watch()

    @poll(0.25, quiet_seconds=1.0, rung_for=(VIEWS,))
    def build_views(self) -> bool:
        """Advance a rebuild by one step; return whether one is running.

        Returns False, after a warning in the log, while the broker or the database is down.
        """
        try:
            is_building = bool(self.builder.step())
        except (Unavailable, *DOWN):
            log.warning("broker or database is down; building goes on when they are back")
            return False
        if is_building:
            self.ring(VIEWS)
        return is_building

    @consume("kieng.directory.v1", group="kieng.kpi.directory")
    def on_directory(self, records: list[Record]) -> None:
        """Store every version of the directory, the tree of units, in a batch. Safe to run twice.

        Records of other types are skipped and counted.

        Raises:
            InvalidRecord: a record cannot be decoded; those before it are stored. The producer's
                fault.
        """
        published = [record for record in records if event_type(record) == DIRECTORY_PUBLISHED]
        for record in published:
            try:
                event = directory_events.DirectoryPublished.FromString(record.value or b"")
            except DecodeError as error:
                raise InvalidRecord(str(error), offset=record.offset) from None
            self.catalogues.keep_directory(event.directory)
        # Counted last, because after an invalid record the others are delivered again.
        skipped = len(records) - len(published)
        metrics.RECORDS_SKIPPED.labels(records[0].topic).inc(skipped)


class KpiQuery(KpiApi, EditionApi, CatalogueApi, TargetApi, ParkedApi):
    """`kpi.query`: serves all gRPC services of the KPI contract, with one base class for each."""

    name = "kpi.query"
    serves = (
        kpi_service_pb2.DESCRIPTOR.services_by_name["KpiService"],
        catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"],
        target_service_pb2.DESCRIPTOR.services_by_name["TargetService"],
        edition_service_pb2.DESCRIPTOR.services_by_name["EditionService"],
        parked_service_pb2.DESCRIPTOR.services_by_name["ParkedService"],
        proposal_service_pb2.DESCRIPTOR.services_by_name["ProposalService"],
    )

    live = Live()

    @poll(0.025, quiet_seconds=0.2, rung_for=(SUBMISSIONS_GROUP, VIEWS))
    def refresh(self) -> bool:
        """Bring the live view up to what the aggregator stored; return whether anything changed.

        Returns False while the database is down; answers then stay as they were.
        """
        try:
            changed = bool(self.live.refresh())
            self.live.refreshed_at = time.time()
        except DOWN:
            log.warning("the database is down; answers grow old")
            return False
        return changed

    @repeat(5.0)
    def show_figures(self) -> None:
        """Update the Prometheus gauges of this year's numbers; does nothing without a live view."""
        with suppress(Unavailable):  # no live view yet
            show_figures(self.live, month_of_date(self.now().date().isoformat()))
