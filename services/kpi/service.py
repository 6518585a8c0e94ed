"""The KPI service: what it listens to and what it answers.

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
from services.kernel.container import repeat
from services.kernel.errors import InvalidRecord, Unavailable
from services.kernel.kafka import Record, consume, event_type
from services.kernel.mongo import DOWN
from services.kpi import metrics
from services.kpi.api.catalogues import CatalogueApi
from services.kpi.api.editions import EditionApi
from services.kpi.api.kpis import KpiApi
from services.kpi.api.parked import ParkedApi
from services.kpi.api.targets import TargetApi
from services.kpi.config import RECORDS_MAX
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
    """Folds the submissions log into the newest view of this log."""

    name = "kpi.aggregator"

    registry = CatalogueStore()
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


class KpiQuery(KpiApi, EditionApi, CatalogueApi, TargetApi, ParkedApi):
    """Answers every service of the contract; each is a class of the package `api`."""

    name = "kpi.query"
    serves = (
        kpi_service_pb2.DESCRIPTOR.services_by_name["KpiService"],
        catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"],
        target_service_pb2.DESCRIPTOR.services_by_name["TargetService"],
        edition_service_pb2.DESCRIPTOR.services_by_name["EditionService"],
        parked_service_pb2.DESCRIPTOR.services_by_name["ParkedService"],
    )

    live = Live()

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
