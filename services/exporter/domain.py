"""How lag is computed, also where a position is unknown, and which disks are reported. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

READERS: dict[str, tuple[str, ...]] = {
    "kieng.kpi": ("kieng.submissions.v1",),
    "kieng.kpi.directory": ("kieng.directory.v1",),
    "kieng.notifications": ("kieng.submissions.v1", "kieng.kpi.v1", "kieng.directory.v1"),
}
"""Consumer group -> topics that it must read; a group without a position is reported as such."""


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """Position of a consumer group in one partition.

    ``position`` is the offset of the next record to handle, None if the broker knows none. The
    log contains the offsets from ``begin`` (inclusive) to ``end`` (exclusive).
    """

    position: int | None
    begin: int
    end: int

    @property
    def lag(self) -> int | None:
        """Number of records in the log that the group has not handled yet; never negative.

        None if its position is unknown.
        """
        if self.position is None:
            return None
        return max(0, self.end - max(self.position, self.begin))

    @property
    def is_outside(self) -> bool:
        """Whether the log lacks this position because it was truncated, replaced or has expired."""
        return self.position is not None and not self.begin <= self.position <= self.end

    @property
    def oldest(self) -> int | None:
        """Offset of the oldest record that the group has not handled and the log still holds.

        None if there is no such record, or if the position is unknown.
        """
        return max(self.position or 0, self.begin) if self.lag else None


def lag_seconds(position: GroupPosition, written_at: float | None, now: float) -> float | None:
    """Return the age in seconds of the oldest record that a group has not handled yet.

    The age is 0 if there is no such record, and None if it is unknown.

    Args:
        position: position of the group in one partition.
        written_at: when that record was written, in Unix seconds; None if it could not be read.
        now: current time in Unix seconds.
    """
    if position.lag is None:
        return None
    if position.lag == 0:
        return 0.0
    return None if written_at is None else max(0.0, now - written_at)


@dataclass(frozen=True, slots=True)
class Disk:
    """Size and free space of a disk, in bytes."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class LogFolder:
    """A log folder of one broker.

    ``broker`` is the broker's id, ``topics`` maps topics to their bytes in this folder, and
    ``disk`` is the disk of the folder, None if the broker does not report it.
    """

    broker: int
    topics: Mapping[str, int]
    disk: Disk | None


def topic_bytes(folders: Iterable[LogFolder]) -> dict[str, int]:
    """Return topic -> bytes on all disks of all brokers, so each replica counts."""
    total: dict[str, int] = {}
    for folder in folders:
        for topic, size in folder.topics.items():
            total[topic] = total.get(topic, 0) + size
    return total


def broker_disks(folders: Iterable[LogFolder]) -> dict[str, Disk]:
    """Return `broker-<id>` -> disk of the log, for each broker that reports one.

    Of several disks of a broker, it is the one with the smallest share of free space.
    """
    found: dict[str, Disk] = {}
    for folder in folders:
        name, disk = f"broker-{folder.broker}", folder.disk
        if disk is not None and (name not in found or _room(disk) < _room(found[name])):
            found[name] = disk
    return found


def _room(disk: Disk) -> float:
    return disk.free / disk.total
