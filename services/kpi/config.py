"""Settings of the KPI processes."""

from __future__ import annotations

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of `kpi.aggregator` and `kpi.query`."""

    watchers_max: int = 16
    """Most WatchKpis streams per process; each takes one of `grpc_workers`."""
