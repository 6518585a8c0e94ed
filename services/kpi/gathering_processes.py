"""Gathers shares of a partition in several processes at once: reading is cheap, counting is not."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from typing import ClassVar

import structlog

from services.kernel.config import load
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.gathering import Gathered, Gathering, Note, gather
from services.kpi.log_reading import read_partition
from services.kpi.store.registry import Registry
from services.kpi.store.writes import Owned

EVENTS_MIN = 50_000
"""A shorter log is read before another process has started."""
NOTE_SECONDS = 0.5


class Ended(Exception):
    """Nobody wants the share any more."""


class _Inside:
    """What a process of the pool shares with its parent."""

    read: ClassVar[SynchronizedArray[int]]
    is_over: ClassVar[Event]


@dataclass(frozen=True, slots=True)
class GatheringProcesses:
    """Gathers a partition of a view in processes, which read the settings of this one.

    Args:
        owned: the partition, where the view begins.
        count: most processes at once.
    """

    owned: Owned
    count: int

    def __call__(self, shares: int, end: int, note: Note) -> Generator[Gathered, None, None]:
        """Return share after share, while the next ones are gathered; see `rebuilding.Gather`.

        Raises:
            BrokenProcessPool: a process was killed.
        """
        context = multiprocessing.get_context("spawn")
        read, is_over = context.Array("Q", shares), context.Event()
        inside = (read, is_over)
        with ProcessPoolExecutor(self.count, context, _begin, inside) as pool:
            begun: dict[int, Future[Gathered]] = {}
            try:
                for number in range(shares):
                    for ahead in range(number, min(number + self.count, shares)):
                        if ahead not in begun:
                            begun[ahead] = pool.submit(_gather, self.owned, (ahead, shares), end)
                    while not wait([begun[number]], NOTE_SECONDS).done:
                        note(sum(read[:]) // shares)
                    yield begun.pop(number).result()
            finally:
                is_over.set()


def _begin(read: SynchronizedArray[int], is_over: Event) -> None:
    gc.disable()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    _Inside.read, _Inside.is_over = read, is_over
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _gather(owned: Owned, share: tuple[int, int], end: int) -> Gathered:
    settings = load(Settings)

    def note(records: int) -> None:
        _Inside.read[share[0]] = records
        if _Inside.is_over.is_set():
            raise Ended

    with closing(Mongo(settings.mongo_uri, settings.mongo_timeout_ms)) as mongo:
        registry = Registry(mongo)
        view = registry.view(owned.view_id)
        if view is None:
            raise LookupError(f"there is no view {owned.view_id}")
        catalogue = registry.catalogue(view.catalogue_version)
    gathering = Gathering(owned, catalogue, view.generation, share)
    batches = read_partition(settings, owned.partition, owned.next_offset, end)
    return gather(gathering, batches, note)
