"""Settings of the KPI processes."""

from __future__ import annotations

import os
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator

from services.kernel.config import KernelSettings
from services.kpi.signing import Signer, read_signer

RECORDS_MAX = 4000
"""Most records that are folded and flushed at once."""
FETCH_BYTES_MAX = 12_000_000
"""Most of one partition per fetch: several whole batches of a backlog, so that few are small."""


class Settings(KernelSettings):
    """Settings of `kpi.aggregator` and `kpi.query`."""

    watchers_max: int = 16
    """Most WatchKpis streams per process; each takes one of `grpc_workers`."""
    parked_in_a_row_max: int = 1000
    """Records in a row that may be set aside before the aggregator stops; raise it to go on."""
    parked_per_10000_max: int = 100
    """Of the last 10,000 records of a partition, how many may be set aside before it stops."""
    rebuild_processes: int = 2
    """Most processes that rebuild a view beside an aggregator, each some partitions or works."""
    oracle: bool = True
    """Whether a new view is compared with SQL before it answers; needs the extra `oracle`."""
    time_zone: str = "Asia/Ho_Chi_Minh"
    """Zone in which days begin and end, for paces of targets and snapshots."""

    snapshot_days: int = Field(400, ge=1)
    """Days whose state is kept; the first of each month is kept for ever."""

    edition_key: SecretStr = SecretStr("")
    """Private key that signs editions: Ed25519, PEM without a password; empty closes none."""

    @field_validator("edition_key")
    @classmethod
    def _is_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value():
            read_signer(key.get_secret_value())
        return key

    @property
    def signer(self) -> Signer | None:
        """What signs editions; None without a key."""
        pem = self.edition_key.get_secret_value()
        return read_signer(pem) if pem else None

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

    def consumer_options(self, group: str, has_positions: bool) -> dict[str, Any]:
        """Return how a consumer is made; raises as the kernel's."""
        options = super().consumer_options(group, has_positions)
        return {**options, "max_partition_fetch_bytes": FETCH_BYTES_MAX}


def environment(settings: KernelSettings) -> dict[str, str]:
    """Return the environment in which a child reads the settings of its parent."""
    said = {name: getattr(settings, name) for name in settings.model_fields_set}
    plain = {
        f"KIENG_{name.upper()}": value.get_secret_value()
        if hasattr(value, "get_secret_value")
        else value
        for name, value in said.items()
    }
    return {
        **os.environ,
        **{name: str(value) for name, value in plain.items() if value is not None},
    }
