"""The reads of the KPI service: what `KpiQuery` answers of KpiService."""

from __future__ import annotations

from collections.abc import Iterator

from kieng.kpi.v1 import kpi_service_pb2
from services.kernel.grpc import CurrentCall, grpc
from services.kpi.explaining import explain, overlaps
from services.kpi.live import moment_cells
from services.kpi.providers import Clock, Live, ViewSnapshots, WatcherCount
from services.kpi.wire import answers
from services.kpi.wire.cells import decode_day, decode_selection


class Reading:
    """Answers KpiService; a part of the service class `KpiQuery`."""

    call = CurrentCall()
    live = Live()
    snapshots = ViewSnapshots()
    watchers = WatcherCount()
    now = Clock()

    @grpc
    def get_kpis(self, request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        """Return the cells asked for, with the position they stand at."""
        on = decode_day(request.on_date, "on_date") if request.on_date else self.now().date()
        wanted = {p.partition: p.next_offset for p in request.min_progress}
        with self.live.read(wanted) as moment:
            selection = decode_selection(request.selection, moment.catalogue)
            cells = moment_cells(moment, selection, on)
            view = answers.encode_moment(moment)
        return kpi_service_pb2.GetKpisResponse(view=view, cells=cells)

    @grpc
    def watch_kpis(
        self, request: kpi_service_pb2.WatchKpisRequest
    ) -> Iterator[kpi_service_pb2.WatchKpisResponse]:
        """Send the cells asked for, then those that change."""
        yield from self.watchers.watch(request, self.live, self.call.is_active, self.now)

    @grpc
    def explain_kpi(
        self, request: kpi_service_pb2.ExplainKpiRequest
    ) -> kpi_service_pb2.ExplainKpiResponse:
        """Return the works behind a cell."""
        with self.live.read() as moment:
            pass  # a moment may move on while the database is read; the answer names its own
        return explain(request, moment, self.snapshots)

    @grpc
    def list_overlaps(
        self, request: kpi_service_pb2.ListOverlapsRequest
    ) -> kpi_service_pb2.ListOverlapsResponse:
        """Return the works that several children of a unit claim."""
        with self.live.read() as moment:
            pass  # a moment may move on while the database is read; the answer names its own
        return overlaps(request, moment, self.snapshots)
