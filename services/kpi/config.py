"""Settings of the KPI processes."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import field_validator

from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of `kpi.aggregator` and `kpi.query`."""

    watchers_max: int = 16
    """Most WatchKpis streams per process; each takes one of `grpc_workers`."""
    time_zone: str = "Asia/Ho_Chi_Minh"
    """Zone in which days begin and end, for paces of targets and snapshots."""

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"there is no time zone {name!r}; write e.g. Asia/Ho_Chi_Minh"
            ) from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days begin and end."""
        return ZoneInfo(self.time_zone)
