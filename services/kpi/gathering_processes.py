"""Gathers shares of a partition in several processes: this one reads, each of them counts a share.

A record is delivered once, whatever the number of shares, and the bundles of a share are stored
while the next ones are made.
"""

from __future__ import annotations

import gc
import marshal
import multiprocessing
import os
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

import structlog

from services.kernel.config import load
from services.kernel.kafka import Record, header
from services.kernel.mongo import Mongo
from services.kernel.publisher import Headers
from services.kpi.config import Settings
from services.kpi.gathering import Gathered, Gathering, Note, Part, gather, share_of
from services.kpi.log_identity import event_hash
from services.kpi.store.registry import Registry
from services.kpi.store.writes import Owned
from services.kpi.wire.events import CHANGED
from services.kpi.wire.parking import work_key_of

EVENTS_MIN = 50_000
"""A shorter log is read before another process has started."""
NOTE_SECONDS = 0.5

Read = Callable[[int], Iterable[Sequence[Record]]]


class Shipped(NamedTuple):
    """A record on its way to another process."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    topic: str = ""
    partition: int = 0


@dataclass(frozen=True, slots=True)
class GatheringProcesses:
    """Gathers a partition of a view in processes, which read the settings of this one.

    Args:
        owned: the partition, where the view begins.
        read: reads the partition up to an offset.
        count: most processes at once.
    """

    owned: Owned
    read: Read
    count: int

    def __call__(self, shares: int, end: int, note: Note) -> Generator[Part, None, None]:
        """Return the parts of share after share; see `rebuilding.Gather`.

        Raises:
            ChildProcessError: a process was killed.
        """
        passes = [range(shares)[at : at + self.count] for at in range(0, shares, self.count)]
        before = 0
        for numbers in passes:
            with closing(_Pass(self.owned, [(number, shares) for number in numbers])) as running:
                read, last_hash = 0, ""
                for records in self.read(end):
                    running.send(records)
                    read, last_hash = read + len(records), event_hash(records[-1])
                    note(before + read // len(passes))
                before += read // len(passes)
                for part in running.parts():
                    if part is None:
                        note(before)
                    elif isinstance(part, Gathered):
                        yield replace(part, last_hash=last_hash)
                    else:
                        yield part


class _Pass:
    """Processes that gather some shares at once."""

    def __init__(self, owned: Owned, shares: list[tuple[int, int]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._place = {number: place for place, (number, _) in enumerate(shares)}
        self._shares = shares[0][1]
        self._ends: list[Connection] = []
        self._processes = []
        self._threads = []
        # A share's parts wait here, so that a process need not wait for those before it.
        self._parts: list[queue.SimpleQueue[Part | BaseException]] = []
        for share in shares:
            mine, its = context.Pipe()
            process = context.Process(target=_gather, args=(owned, share, its), daemon=True)
            process.start()
            its.close()
            self._ends.append(mine)
            self._processes.append(process)
            self._parts.append(queue.SimpleQueue())
            receiving = mine, self._parts[-1].put
            thread = threading.Thread(target=_receive, args=receiving, name="receive", daemon=True)
            thread.start()
            self._threads.append(thread)

    def send(self, records: Sequence[Record]) -> None:
        """Give each process the records of its share, and what all have to hear of."""
        waiting: list[list[tuple[Any, ...]]] = [[] for _ in self._ends]
        for record in records:
            shipped = record.offset, record.timestamp, record.key, record.value, record.headers
            if header(record, "ce_type") != CHANGED:
                for each in waiting:
                    each.append(shipped)
                continue
            place = self._place.get(share_of(work_key_of(record), self._shares))
            if place is not None:
                waiting[place].append(shipped)
        for number, some in enumerate(waiting):
            if some:
                self._send(number, marshal.dumps(some))

    def parts(self) -> Iterator[Part | None]:
        """Say that everything was sent, and return the parts; None when they take their time.

        Raises:
            ChildProcessError: a process was killed.
        """
        for number in range(len(self._ends)):
            self._send(number, b"")
        for number in range(len(self._ends)):
            part: Part | None = None
            while not isinstance(part, Gathered):
                yield (part := self._received(number))

    def _send(self, number: int, content: bytes) -> None:
        try:
            self._ends[number].send_bytes(content)
        except OSError:
            # It has ended, and its last word is why.
            while True:
                self._received(number)

    def _received(self, number: int) -> Part | None:
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
        put(ChildProcessError(f"a process that gathered a share was killed: {error!r}"))


def _gather(owned: Owned, share: tuple[int, int], end: Connection) -> None:
    """Gather one share: the body of a process."""
    gc.disable()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    try:
        gathering = _gathering(owned, share)
        while content := end.recv_bytes():
            shipped = [Shipped(*fields) for fields in marshal.loads(content)]
            gathering.apply(cast(Sequence[Record], shipped))
        for part in gather(gathering):
            end.send(part)
    except Exception as error:
        end.send(error)


def _gathering(owned: Owned, share: tuple[int, int]) -> Gathering:
    settings = load(Settings)
    with closing(Mongo(settings.mongo_uri, settings.mongo_timeout_ms)) as mongo:
        registry = Registry(mongo)
        view = registry.view(owned.view_id)
        if view is None:
            raise LookupError(f"there is no view {owned.view_id}")
        return Gathering(owned, registry.catalogue(view.catalogue_version), view.generation, share)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
