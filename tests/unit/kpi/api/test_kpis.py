from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kpi.api import kpis

AHEAD = view_pb2.ViewInfo(progress=[view_pb2.PartitionProgress(partition=0, next_offset=8)])
EXACT = view_pb2.ViewInfo(digest="d", progress=AHEAD.progress)


@pytest.mark.parametrize(("is_reached", "expected"), [(True, EXACT), (False, AHEAD)])
def test_cells_that_are_marked_ahead_of_the_view_in_memory_are_read_once_more(
    is_reached: bool, expected: view_pb2.ViewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, awaited = [AHEAD, EXACT], []

    def marked(snapshots: Any) -> kpi_service_pb2.GetKpisResponse:
        return kpi_service_pb2.GetKpisResponse(view=views.pop(0))

    def reaches(progress: dict[int, int]) -> bool:
        awaited.append(progress)
        return is_reached

    figures = SimpleNamespace(of=lambda *given: SimpleNamespace(marked=marked))
    monkeypatch.setattr(kpis, "Figures", figures)
    live = SimpleNamespace(read=lambda *given: nullcontext(), reaches=reaches)
    service: Any = SimpleNamespace(now=lambda: datetime.now(UTC), live=live, snapshots=None)
    answer = kpis.KpiApi._marked(service, kpi_service_pb2.GetKpisRequest(), {})
    assert (answer.view, awaited) == (expected, [{0: 8}])
