"""gRPC handlers of KpiService: reads of cells, works, kept days and replays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import structlog

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2
from services.kernel.container import repeat
from services.kernel.errors import InvalidArgument
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.mongo import DOWN
from services.kpi.providers import (
    Clock,
    HistoryProvider,
    Live,
    ParkedStore,
    Previews,
    ViewSnapshots,
    WatcherCount,
)
from services.kpi.query import answers
from services.kpi.query.absence import absence
from services.kpi.query.cells import decode_day, decode_on, decode_selection
from services.kpi.query.contradictions import Figures
from services.kpi.query.explanation import explain
from services.kpi.query.live_view import ViewState, state_cells
from services.kpi.query.overlaps import matrix, overlaps
from services.kpi.query.preview import try_events
from services.kpi.query.report import report
from services.policy.enforcement import need
from services.policy.rules import Resource

log = structlog.get_logger()


class KpiApi:
    """Implements KpiService; a base class of `KpiQuery`."""

    call = CurrentCall()
    live = Live()
    snapshots = ViewSnapshots()
    watchers = WatcherCount()
    now = Clock()
    history = HistoryProvider()
    parked = ParkedStore()
    previews = Previews()

    @repeat(20.0)
    def keep_yesterday(self) -> None:
        """Store the state of yesterday as a kept day, once, in the first hour after midnight.

        Safe in several replicas: one of them stores the day.
        """
        try:
            if self.history.keep_yesterday(self.live, self.now()):
                log.info("kept the state of a day")
        except DOWN:
            log.warning("the database is down; yesterday is kept when it is back")

    @grpc
    def get_kpis(self, request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        """GetKpis: return the selected cells of the live view, or of a kept day.

        Raises:
            InvalidArgument: contradictions were requested for a kept day. The caller's fault.
        """
        if request.as_of and request.with_contradictions:
            text = "marks are of the present; leave out as_of, or ask ExplainKpi"
            raise InvalidArgument(text, fields={"with_contradictions": text})
        if request.as_of:
            day = decode_day(request.as_of, "as_of")
            kept, state = self.history.day(self.live, day, self.now())
            answer = read_state(state, request.selection, request.on_date, day)
            answer.kept_day.CopyFrom(answers.encode_kept_day(kept))
            return answer
        wanted = {p.partition: p.next_offset for p in request.min_progress}
        if request.with_contradictions:
            return self._marked(request, wanted)
        with self.live.read(wanted) as state:
            return read_state(state, request.selection, request.on_date, self.now().date())

    def _marked(
        self, request: kpi_service_pb2.GetKpisRequest, wanted: dict[int, int]
    ) -> kpi_service_pb2.GetKpisResponse:
        today = self.now().date()
        on = decode_on(request.on_date, today)
        with self.live.read(wanted) as state:
            figures = Figures.of(state, request.selection, on)
        answer = figures.marked(self.snapshots)
        ahead = {p.partition: p.next_offset for p in answer.view.progress}
        if answer.view.digest or not self.live.reaches(ahead):
            return answer
        # The works were read at a newer position than that of the view in memory, which alone
        # knows the digest. It has caught up by now, so both are read again.
        with self.live.read() as state:
            figures = Figures.of(state, request.selection, on)
        return figures.marked(self.snapshots)

    @grpc
    def get_report(
        self, request: kpi_service_pb2.GetReportRequest
    ) -> kpi_service_pb2.GetReportResponse:
        """GetReport: return targets, ranked children and largest changes of a unit.

        All are of one position: that of the live view, or of the kept day in `as_of`.
        """
        if request.as_of:
            day = decode_day(request.as_of, "as_of")
            kept, state = self.history.day(self.live, day, self.now())
            answer = report(state, request, decode_on(request.on_date, day))
            answer.kept_day.CopyFrom(answers.encode_kept_day(kept))
            return answer
        with self.live.read() as state:
            return report(state, request, decode_on(request.on_date, self.now().date()))

    @grpc
    def list_kept_days(
        self, request: kpi_service_pb2.ListKeptDaysRequest
    ) -> kpi_service_pb2.ListKeptDaysResponse:
        """ListKeptDays: return the days that are accepted as `as_of`, newest first."""
        days = [answers.encode_kept_day(kept) for kept in self.history.days.all()]
        return kpi_service_pb2.ListKeptDaysResponse(days=days)

    @grpc
    def replay_kpis(
        self, request: kpi_service_pb2.ReplayKpisRequest
    ) -> Iterator[kpi_service_pb2.ReplayKpisResponse]:
        """ReplayKpis: recompute the view at an earlier position; stream progress, then the cells.

        Raises:
            InvalidArgument: both a position and a day are given, or one of them is invalid. The
                caller's fault.
        """
        now = self.now()
        at = {p.partition: p.next_offset for p in request.at}
        if at and request.as_of:
            text = "either a position or a day, not both"
            raise InvalidArgument(f"at: {text}", fields={"at": text, "as_of": text})
        day = decode_day(request.as_of, "as_of") if request.as_of else None
        is_active = self.call.is_active
        for read, total, state in self.history.replay(self.live, at, day, now, is_active):
            step = kpi_service_pb2.ReplayKpisResponse(records_read=read, records_total=total)
            if state is not None:
                found = read_state(state, request.selection, request.on_date, day or now.date())
                step.answer.CopyFrom(found)
            yield step

    @grpc(is_watch=True)
    def watch_kpis(
        self, request: kpi_service_pb2.WatchKpisRequest
    ) -> Iterator[kpi_service_pb2.WatchKpisResponse]:
        """WatchKpis: stream the selected cells, then those that change, until the caller leaves."""
        yield from self.watchers.watch(request, self.live, self.call, self.now)

    @grpc
    def explain_kpi(
        self, request: kpi_service_pb2.ExplainKpiRequest
    ) -> kpi_service_pb2.ExplainKpiResponse:
        """ExplainKpi: return a page of the works that a cell of the live view consists of."""
        return explain(request, self.live, self.snapshots)

    @grpc
    def explain_absence(
        self, request: kpi_service_pb2.ExplainAbsenceRequest
    ) -> kpi_service_pb2.ExplainAbsenceResponse:
        """ExplainAbsence: return why a work does or does not count in a cell of the live view.

        An unknown work is no error; the response says that it is unknown.
        """
        institution_id = self.call.principal.institution_id
        return absence(request, self.live, self.snapshots, self.parked, institution_id)

    @grpc
    def list_overlaps(
        self, request: kpi_service_pb2.ListOverlapsRequest
    ) -> kpi_service_pb2.ListOverlapsResponse:
        """ListOverlaps: return a page of the works that count at several children of a unit."""
        return overlaps(request, self.live, self.snapshots)

    @grpc
    def get_overlap_matrix(
        self, request: kpi_service_pb2.GetOverlapMatrixRequest
    ) -> kpi_service_pb2.GetOverlapMatrixResponse:
        """GetOverlapMatrix: return how many works each group of children has in common."""
        return matrix(request, self.live, self.snapshots)

    @grpc
    def try_events(
        self, requests: Iterator[kpi_service_pb2.TryEventsRequest]
    ) -> Iterator[kpi_service_pb2.TryEventsResponse]:
        """TryEvents: stream the numbers that would change if these events were in the log.

        Nothing is stored. An institution can try one list of events at a time per process.
        """
        principal, method = self.call.principal, self.call.method

        def admit(event: events_pb2.SubmissionChanged) -> None:
            claims = (event.declared.unit_id, event.verified.unit_id)
            units = {unit_id for unit_id in claims if unit_id}
            # A retraction names no unit, but its institution.
            units |= {event.institution_id} - {principal.institution_id}
            if units:
                need(principal, method, Resource.of(units))

        with self.previews(principal.institution_id).admitted():
            yield from try_events(requests, self.live, self.snapshots, admit, self.now())


def read_state(
    state: ViewState, wanted: view_pb2.Selection, on_date: str, day: date
) -> kpi_service_pb2.GetKpisResponse:
    """Return the selected cells of a view, with its id and position.

    Args:
        state: the view at one position.
        wanted: selection of cells.
        on_date: day for which the pace of targets is computed, `YYYY-MM-DD`; empty for ``day``.
        day: day that the state belongs to, e.g. today.

    Raises:
        InvalidArgument: the selection or ``on_date`` is invalid, see `decode_selection` and
            `decode_on`. The caller's fault.
    """
    on = decode_on(on_date, day)
    selection = decode_selection(wanted, state.catalogue)
    cells = state_cells(state, selection, on)
    return kpi_service_pb2.GetKpisResponse(view=answers.encode_view_state(state), cells=cells)
