"""Folds shards of a partition in several subprocesses while this process stores their parts.

Each subprocess reads the whole log: passing records between processes costs as much as reading
them again (ADR 0016).
"""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from services.kpi.config import Settings
from services.kpi.process import Child, Message
from services.kpi.rebuild.shard import Note, Part, ShardTotals
from services.kpi.store.writes import PartitionLease

MODULE = "services.kpi.rebuild.shard_worker"
EVENTS_MIN = 50_000
"""A shorter log is read faster than a subprocess starts."""
NOTE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ShardPool:
    """Folds a partition of a view in shard subprocesses.

    Args:
        settings: settings of this process; the subprocesses get the same.
        lease: the partition, at the first offset of the view.
        count: maximum number of subprocesses at once.
    """

    settings: Settings
    lease: PartitionLease
    count: int

    def __call__(self, shards: int, end: int, note: Note) -> Generator[Part, None, None]:
        """Fold the partition and yield the parts of shard after shard; see `bulk_load.Gather`.

        Raises:
            ChildFailed: a process failed or died.
        """
        passes = [range(shards)[at : at + self.count] for at in range(0, shards, self.count)]
        read, whole = 0, end - self.lease.next_offset
        for done, numbers in enumerate(passes):
            requests = [encode_request(self.lease, end, (number, shards)) for number in numbers]
            with closing(_Pass(self.settings, requests)) as running:
                for part in running.parts():
                    if isinstance(part, int):
                        read = max(read, (done * whole + part) // len(passes))
                    if part is None or isinstance(part, int):
                        note(read)
                    else:
                        yield part


class _Pass:
    """Subprocesses that fold some shards concurrently."""

    def __init__(self, settings: Settings, requests: list[Message]) -> None:
        self._children: list[Child] = []
        for request in requests:
            self._children.append(Child(MODULE, settings, request))

    def parts(self) -> Iterator[Part | int | None]:
        """Yield the parts of the shards, and between them numbers of records read.

        Yields None while the awaited subprocess is silent. Parts of the others wait in memory.

        Raises:
            ChildFailed: a process failed or died.
        """
        for child in self._children:
            for message in child.messages(NOTE_SECONDS):
                part = None if message is None else decode_part(message)
                yield part
                if isinstance(part, ShardTotals):
                    break

    def close(self) -> None:
        """Kill the shard subprocesses."""
        for child in self._children:
            child.kill()


# Pickle: both ends run the same release, and a part has millions of numbers keyed by tuples.
def encode_request(lease: PartitionLease, end: int, shard: tuple[int, int]) -> Message:
    """Return the request to a shard subprocess: one shard of a partition, up to an offset."""
    return Message({"end": end, "shard": shard}, (pickle.dumps(lease),))


def decode_request(request: Message) -> tuple[PartitionLease, int, tuple[int, int]]:
    """Return lease, end offset and shard of a request to a shard subprocess."""
    number, count = request.fields["shard"]
    return pickle.loads(request.attached[0]), request.fields["end"], (number, count)


def encode_part(part: Part) -> tuple[Mapping[str, Any], bytes]:
    """Return fields and attachment of the message that carries a part of a shard."""
    return {}, pickle.dumps(part, pickle.HIGHEST_PROTOCOL)


def decode_part(message: Message) -> Part | int:
    """Return the part of a shard in a message, or the number of records read."""
    if not message.attached:
        return int(message.fields["read"])
    part: Part = pickle.loads(message.attached[0])
    return part
