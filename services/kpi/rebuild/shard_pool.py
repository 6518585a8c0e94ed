"""Folds the shards of a partition in several subprocesses, whose parts this process stores.

Each subprocess reads the whole log, because passing records between processes costs as much as
reading them again (ADR 0016).
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
"""Number of events from which subprocesses pay off: a shorter log is read before they start."""
NOTE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ShardPool:
    """Folds a partition of a view in subprocesses, one for each shard.

    Args:
        settings: settings of this process, which the subprocesses get too.
        lease: lease of the partition, at the first offset of the view.
        count: maximum number of subprocesses at once.
    """

    settings: Settings
    lease: PartitionLease
    count: int

    def __call__(self, shards: int, end: int, note: Note) -> Generator[Part, None, None]:
        """Fold the partition; yield the parts of shard after shard, see `bulk_load.Gather`.

        Args:
            shards: number of shards.
            end: offset before which to stop.
            note: called with the number of records read so far.

        Raises:
            ChildFailed: a subprocess failed or crashed.
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
    """The subprocesses that fold some shards at the same time."""

    def __init__(self, settings: Settings, requests: list[Message]) -> None:
        self._children: list[Child] = []
        for request in requests:
            self._children.append(Child(MODULE, settings, request))

    def parts(self) -> Iterator[Part | int | None]:
        """Yield the parts of shard after shard, and in between numbers of records read.

        Yields None while the awaited subprocess is silent. Parts of the other subprocesses wait in
        memory.

        Raises:
            ChildFailed: a subprocess failed or crashed.
        """
        for child in self._children:
            for message in child.messages(NOTE_SECONDS):
                part = None if message is None else decode_part(message)
                yield part
                if isinstance(part, ShardTotals):
                    break

    def close(self) -> None:
        """Kill the subprocesses."""
        for child in self._children:
            child.kill()


# Pickled, because both ends run the same release and a part has millions of tuples and numbers.
def encode_request(lease: PartitionLease, end: int, shard: tuple[int, int]) -> Message:
    """Return the message that asks a subprocess to fold one shard of a partition.

    Args:
        lease: lease of the partition.
        end: offset before which to stop.
        shard: number of the shard, and number of shards.
    """
    return Message({"end": end, "shard": shard}, (pickle.dumps(lease),))


def decode_request(request: Message) -> tuple[PartitionLease, int, tuple[int, int]]:
    """Return lease, end offset, and (number of the shard, number of shards) of a request."""
    number, count = request.fields["shard"]
    return pickle.loads(request.attached[0]), request.fields["end"], (number, count)


def encode_part(part: Part) -> tuple[Mapping[str, Any], bytes]:
    """Return a part of a bulk load as the JSON fields and the attachment of a message."""
    return {}, pickle.dumps(part, pickle.HIGHEST_PROTOCOL)


def decode_part(message: Message) -> Part | int:
    """Return the part in a message, or the number of records read if it carries none."""
    if not message.attached:
        return int(message.fields["read"])
    part: Part = pickle.loads(message.attached[0])
    return part
