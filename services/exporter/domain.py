"""What lag is, in every case that other exporters get wrong; and which disk is the fullest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

READERS: dict[str, tuple[str, ...]] = {
    "kieng.kpi": ("kieng.submissions.v1",),
    "kieng.kpi.directory": ("kieng.directory.v1",),
    "kieng.notifications": ("kieng.submissions.v1", "kieng.kpi.v1"),
}
"""Consumer groups and what each must read; a group that never came is missed, not forgotten."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a group stands in one partition.

    ``position`` is the offset of the next record to handle, None when the broker knows of none.
    The log holds the offsets from ``begin`` to below ``end``.
    """

    position: int | None
    begin: int
    end: int

    @property
    def lag(self) -> int | None:
        """Records not handled yet; None when that cannot be known, which is neither 0 nor all."""
        if self.position is None:
            return None
        return max(0, self.end - max(self.position, self.begin))

    @property
    def is_outside(self) -> bool:
        """Whether the position points to what the log does not hold: expired, cut or replaced."""
        return self.position is not None and not self.begin <= self.position <= self.end

    @property
    def oldest(self) -> int | None:
        """Offset of the oldest record not handled yet; None when there is none or nobody knows."""
        return max(self.position or 0, self.begin) if self.lag else None


def lag_seconds(standing: Standing, written_at: float | None, now: float) -> float | None:
    """Return the age of the oldest record not handled yet.

    Args:
        standing: where the group stands.
        written_at: when that record was written; None when it could not be read.
        now: the present, in the same seconds.
    """
    if standing.lag is None:
        return None
    if standing.lag == 0:
        return 0.0
    return None if written_at is None else max(0.0, now - written_at)


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of a disk, and how many of them are free."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class LogFolder:
    """A folder where a broker keeps its log: bytes by topic, and its disk where that is told."""

    broker: int
    topics: Mapping[str, int]
    disk: Disk | None


def topic_bytes(folders: Iterable[LogFolder]) -> dict[str, int]:
    """Return bytes by topic, all copies together."""
    total: dict[str, int] = {}
    for folder in folders:
        for topic, size in folder.topics.items():
            total[topic] = total.get(topic, 0) + size
    return total


def broker_disks(folders: Iterable[LogFolder]) -> dict[str, Disk]:
    """Return the disk of each broker, `broker-1` say; of several the one with the least room."""
    found: dict[str, Disk] = {}
    for folder in folders:
        name, disk = f"broker-{folder.broker}", folder.disk
        if disk is not None and (name not in found or _room(disk) < _room(found[name])):
            found[name] = disk
    return found


def _room(disk: Disk) -> float:
    return disk.free / disk.total
