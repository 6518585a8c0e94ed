"""Rules of lag, including unknown positions, and of disk space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

READERS: dict[str, tuple[str, ...]] = {
    "kieng.kpi": ("kieng.submissions.v1",),
    "kieng.kpi.directory": ("kieng.directory.v1",),
    "kieng.notifications": ("kieng.submissions.v1", "kieng.kpi.v1", "kieng.directory.v1"),
}
"""Consumer groups and the topics each must read; absent groups are reported as missing."""


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """Position of a consumer group in one partition.

    ``position`` is the offset of the next record to handle, None if the broker has none.
    The log holds the offsets from ``begin`` to below ``end``.
    """

    position: int | None
    begin: int
    end: int

    @property
    def lag(self) -> int | None:
        """Number of records not handled yet; None if unknown."""
        if self.position is None:
            return None
        return max(0, self.end - max(self.position, self.begin))

    @property
    def is_outside(self) -> bool:
        """Whether the log does not hold the position: expired, truncated or replaced."""
        return self.position is not None and not self.begin <= self.position <= self.end

    @property
    def oldest(self) -> int | None:
        """Offset of the oldest record not handled yet; None if there is none or it is unknown."""
        return max(self.position or 0, self.begin) if self.lag else None


def lag_seconds(position: GroupPosition, written_at: float | None, now: float) -> float | None:
    """Return the age of the oldest record not handled yet; None if unknown.

    Args:
        position: position of the group.
        written_at: time of that record; None if it could not be read.
        now: current time, on the same scale.
    """
    if position.lag is None:
        return None
    if position.lag == 0:
        return 0.0
    return None if written_at is None else max(0.0, now - written_at)


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of a disk, and how many of them are free."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class LogFolder:
    """A log folder of a broker: bytes by topic, and its disk if the broker reports it."""

    broker: int
    topics: Mapping[str, int]
    disk: Disk | None


def topic_bytes(folders: Iterable[LogFolder]) -> dict[str, int]:
    """Return bytes by topic, summed over all replicas."""
    total: dict[str, int] = {}
    for folder in folders:
        for topic, size in folder.topics.items():
            total[topic] = total.get(topic, 0) + size
    return total


def broker_disks(folders: Iterable[LogFolder]) -> dict[str, Disk]:
    """Return the log disk of each Kafka broker by name; of several the one with least room."""
    found: dict[str, Disk] = {}
    for folder in folders:
        name, disk = f"broker-{folder.broker}", folder.disk
        if disk is not None and (name not in found or _room(disk) < _room(found[name])):
            found[name] = disk
    return found


def _room(disk: Disk) -> float:
    return disk.free / disk.total
