"""Settings of `kpi.aggregator` and `kpi.query`."""

from __future__ import annotations

import os
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator

from services.kernel.config import KernelSettings, ZoneName
from services.kpi.signing import Signer, read_signer

RECORDS_MAX = 4000
"""Maximum number of records in one flush."""
FETCH_BYTES_MAX = 12_000_000
"""Maximum bytes of one partition per fetch: several full batches, so that few batches are small."""
SUBMISSIONS_GROUP = "kieng.kpi"
"""Consumer group that folds submissions; also the name for which it rings when it has."""
VIEWS = "kieng.kpi.views"
"""Name for which a process rings that changed the wanted or live view, a target or a dismissal."""
EDITION_KEYS = frozenset({"KIENG_EDITION_KEY", "KIENG_EDITION_KEY_FILE"})
"""Environment variables that hold the private key of editions or name its file."""


class Settings(KernelSettings):
    """Settings of `kpi.aggregator` and `kpi.query`, in addition to those of every service."""

    watchers_max: int = 128
    """Maximum number of WatchKpis streams per process; each is also one of `grpc_streams`."""
    parked_in_a_row_max: int = 1000
    """Maximum number of consecutive parked records; beyond it the aggregator stops."""
    parked_per_10000_max: int = 100
    """Maximum parked records among a partition's last 10,000; beyond it the aggregator stops."""
    rebuild_processes: int = 2
    """Maximum number of subprocesses of a rebuild; each folds some partitions or one shard."""
    subprocess_niceness: int = Field(10, ge=0, le=19)
    """By how much the priority of subprocesses is lowered, so that calls are answered first."""
    oracle: bool = True
    """Whether a new view is checked with the SQL oracle before the swap; needs extra `oracle`."""
    time_zone: ZoneName = "Asia/Ho_Chi_Minh"
    """Time zone in which days begin and end, for the pace of targets and for kept days."""

    snapshot_days: int = Field(400, ge=1)
    """Number of days for which kept days are stored; firsts of months are never deleted."""

    edition_key: SecretStr = SecretStr("")
    """Ed25519 private key that signs editions, PEM without password; empty: none can be closed."""

    @field_validator("edition_key")
    @classmethod
    def _is_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value():
            read_signer(key.get_secret_value())
        return key

    @property
    def signer(self) -> Signer | None:
        """The signer of editions, made from `edition_key`; None if no key is configured."""
        pem = self.edition_key.get_secret_value()
        return read_signer(pem) if pem else None

    @property
    def zone(self) -> ZoneInfo:
        """`time_zone` as a `ZoneInfo`: the zone in which days of the KPI service begin and end."""
        return ZoneInfo(self.time_zone)

    def consumer_options(self, group: str, has_positions: bool) -> dict[str, Any]:
        """Return the keyword arguments for the aggregator's `KafkaConsumer`.

        They are those of the base class, which may raise, with a larger limit of bytes per fetch.
        """
        options = super().consumer_options(group, has_positions)
        return {**options, "max_partition_fetch_bytes": FETCH_BYTES_MAX}


def environment(settings: KernelSettings) -> dict[str, str]:
    """Return the environment variables for a subprocess, so that it loads its parent's settings.

    They are the variables of this process, overridden by every setting that was given explicitly.
    The private key of editions is left out, because subprocesses sign nothing.
    """
    said = {name: getattr(settings, name) for name in settings.model_fields_set - {"edition_key"}}
    plain = {
        f"KIENG_{name.upper()}": value.get_secret_value()
        if hasattr(value, "get_secret_value")
        else value
        for name, value in said.items()
    }
    inherited = {name: text for name, text in os.environ.items() if name not in EDITION_KEYS}
    return {
        **inherited,
        **{name: str(value) for name, value in plain.items() if value is not None},
    }
