"""Folds shards of a partition in several processes, whose parts this one stores meanwhile.

Each of them reads the whole log: to pass records on to another process takes as long as to have
them delivered again (ADR 0016).
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
"""A shorter log is read before another process has started."""
NOTE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ShardPool:
    """Folds a partition of a view in processes.

    Args:
        settings: those of this process; the others get the same.
        lease: the partition, where the view begins.
        count: most processes at once.
    """

    settings: Settings
    lease: PartitionLease
    count: int

    def __call__(self, shards: int, end: int, note: Note) -> Generator[Part, None, None]:
        """Yield the parts of shard after shard; see `bulk_load.Gather`.

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
    """Processes that fold some shards at once."""

    def __init__(self, settings: Settings, requests: list[Message]) -> None:
        self._children: list[Child] = []
        for request in requests:
            self._children.append(Child(MODULE, settings, request))

    def parts(self) -> Iterator[Part | int | None]:
        """Yield the parts, and between them how many records a process has read.

        None when it takes its time. Parts of the others wait in memory meanwhile.

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
        """End the processes, whatever they do."""
        for child in self._children:
            child.kill()


# Both ends are of one release, and a part is Python's own: millions of numbers by tuples.
def encode_request(lease: PartitionLease, end: int, shard: tuple[int, int]) -> Message:
    """Return what a process is asked for: one shard of a partition, up to an offset."""
    return Message({"end": end, "shard": shard}, (pickle.dumps(lease),))


def decode_request(request: Message) -> tuple[PartitionLease, int, tuple[int, int]]:
    """Return lease, offset and shard."""
    number, count = request.fields["shard"]
    return pickle.loads(request.attached[0]), request.fields["end"], (number, count)


def encode_part(part: Part) -> tuple[Mapping[str, Any], bytes]:
    """Return fields and attachment of the message of a part."""
    return {}, pickle.dumps(part, pickle.HIGHEST_PROTOCOL)


def decode_part(message: Message) -> Part | int:
    """Return a part, or how many records were read."""
    if not message.attached:
        return int(message.fields["read"])
    part: Part = pickle.loads(message.attached[0])
    return part
