"""Gathers shards of a partition in several processes, which this one stores meanwhile.

Each of them reads the whole log: to hand records over to another process takes as long as to have
them delivered again (ADR 0016).
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import structlog

from services.kernel.config import load
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.log.reader import read_partition
from services.kpi.rebuild.shard import Note, Part, ShardFold, ShardTotals, gather
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.writes import PartitionLease

EVENTS_MIN = 50_000
"""A shorter log is read before another process has started."""
NOTE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ShardPool:
    """Gathers a partition of a view in processes, which read the settings of this one.

    Args:
        lease: the partition, where the view begins.
        count: most processes at once.
    """

    lease: PartitionLease
    count: int

    def __call__(self, shards: int, end: int, note: Note) -> Generator[Part, None, None]:
        """Return the parts of shard after shard; see `rebuilding.Gather`.

        Raises:
            ChildProcessError: a process was killed.
        """
        passes = [range(shards)[at : at + self.count] for at in range(0, shards, self.count)]
        read, whole = 0, end - self.lease.next_offset
        for done, numbers in enumerate(passes):
            running = _Pass(self.lease, end, [(number, shards) for number in numbers])
            with closing(running):
                for part in running.parts():
                    if isinstance(part, int):
                        read = max(read, (done * whole + part) // len(passes))
                    if part is None or isinstance(part, int):
                        note(read)
                    else:
                        yield part


class _Pass:
    """Processes that gather some shards at once."""

    def __init__(self, lease: PartitionLease, end: int, shards: list[tuple[int, int]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes = []
        self._threads = []
        # A shard's parts wait here, so that a process need not wait for those before it.
        self._parts: list[queue.SimpleQueue[Part | int | BaseException]] = []
        for shard in shards:
            mine, its = context.Pipe(duplex=False)
            process = context.Process(target=_gather, args=(lease, end, shard, its), daemon=True)
            process.start()
            its.close()
            self._ends.append(mine)
            self._processes.append(process)
            self._parts.append(queue.SimpleQueue())
            receiving = mine, self._parts[-1].put
            thread = threading.Thread(target=_receive, args=receiving, name="receive", daemon=True)
            thread.start()
            self._threads.append(thread)

    def parts(self) -> Iterator[Part | int | None]:
        """Return the parts, and between them how many records a process has read.

        None when it takes its time.

        Raises:
            ChildProcessError: a process was killed.
        """
        for number in range(len(self._ends)):
            part: Part | int | None = None
            while not isinstance(part, ShardTotals):
                yield (part := self._received(number))

    def _received(self, number: int) -> Part | int | None:
        try:
            found = self._parts[number].get(timeout=NOTE_SECONDS)
        except queue.Empty:
            return None
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """End the processes, whatever they do."""
        for process, thread, end in zip(self._processes, self._threads, self._ends, strict=True):
            process.kill()
            process.join()
            process.close()
            thread.join()
            end.close()


def _receive(end: Connection, put: Callable[[Any], None]) -> None:
    """Take over what a process sends, until it ends."""
    try:
        while True:
            put(end.recv())
    except (EOFError, OSError) as error:
        put(ChildProcessError(f"a process that gathered a shard was killed: {error!r}"))


def _gather(lease: PartitionLease, until: int, shard: tuple[int, int], end: Connection) -> None:
    """Gather one shard: the body of a process."""
    gc.disable()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    try:
        settings = load(Settings)
        fold = _shard_fold(settings, lease, shard)
        for records in read_partition(settings, lease.partition, lease.next_offset, until):
            fold.apply(records)
            end.send(fold.read)
        for part in gather(fold):
            end.send(part)
    except Exception as error:
        end.send(error)


def _shard_fold(settings: Settings, lease: PartitionLease, shard: tuple[int, int]) -> ShardFold:
    with closing(Mongo(settings.mongo_uri, settings.mongo_timeout_ms)) as mongo:
        registry = Catalogues(mongo)
        view = registry.view(lease.view_id)
        if view is None:
            raise LookupError(f"there is no view {lease.view_id}")
        return ShardFold(lease, registry.catalogue(view.catalogue_version), view.generation, shard)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
