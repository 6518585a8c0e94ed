"""Settings that every service has, read from the environment (`KIENG_...`) once, at start."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any, Literal, TypeVar

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaConnectionError
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SESSION_MS = 6000


class KernelSettings(BaseSettings):
    """Settings of the kernel; a service adds its own by inheriting. Frozen."""

    model_config = SettingsConfigDict(env_prefix="KIENG_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """Address that gRPC, metrics and health listen on."""
    grpc_port: int = 0
    """Port of gRPC; 0 takes a free one."""
    http_port: int = 0
    """Port of metrics and health; 0 takes a free one."""
    grpc_workers: int = 32
    """Threads that answer calls; one call takes one, a stream keeps it."""
    reflection: bool = True
    """Whether gRPC reflection lists the services to anybody."""
    kafka_bootstrap: str = "127.0.0.1:9092"
    """Brokers, `host:port` joined by commas."""
    kafka_membership: Literal["group", "sole"] = "group"
    """How a consumer gets partitions: from the group, or all of them because it is the only one."""
    kafka_fetch_wait_ms: int = 100
    """Longest the broker holds back an empty fetch."""
    mongo_uri: str = "mongodb://127.0.0.1:27017"
    """MongoDB replica set."""
    mongo_timeout_ms: int = 5000
    """Longest wait for a database server."""
    issuers_file: Path = Path("issuers.json")
    """Table of token issuers, see `kernel.access`; read again when it changes."""
    log_format: Literal["json", "text"] = "json"
    """Lines for machines or for people."""

    def producer_options(self) -> dict[str, Any]:
        """Return how a producer is made. Raises KafkaConnectionError when no broker answers."""
        return {
            "bootstrap_servers": _reachable(self.kafka_bootstrap),
            # All replicas acknowledge and nothing is written twice: kafka-python's own defaults.
            "max_block_ms": 5000,
            "delivery_timeout_ms": 9000,
            "request_timeout_ms": 5000,
            "bootstrap_timeout_ms": 5000,
        }

    def consumer_options(self, group: str, has_positions: bool) -> dict[str, Any]:
        """Return how a consumer is made. Raises KafkaConnectionError when no broker answers."""
        return {
            "bootstrap_servers": _reachable(self.kafka_bootstrap),
            "group_id": group,
            # A new group reads everything; but an own position outside the log must not jump.
            "auto_offset_reset": "none" if has_positions else "earliest",
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "allow_auto_create_topics": False,
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "session_timeout_ms": SESSION_MS,
            "heartbeat_interval_ms": SESSION_MS // 3,
            "fetch_max_wait_ms": self.kafka_fetch_wait_ms,
            "bootstrap_timeout_ms": 5000,
        }


def _reachable(bootstrap: str) -> str:
    # A client of kafka-python that cannot connect leaves a thread behind, which logs for ever.
    reason = ""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=2.0).close()
            return bootstrap
        except OSError as error:
            reason = f"{address}: {error.strerror or error}"
    raise KafkaConnectionError(reason)


S = TypeVar("S", bound=KernelSettings)


def load(settings: type[S]) -> S:
    """Read the settings, or end the program (exit code 2) with one list of all mistakes."""
    try:
        return settings()
    except ValidationError as error:
        print("The configuration is wrong:", file=sys.stderr)
        for mistake in error.errors(include_input=False):
            name = "_".join(map(str, mistake["loc"])).upper()
            print(f"  KIENG_{name}: {mistake['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
