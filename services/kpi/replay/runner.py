"""Runs replays in subprocesses, one at a time, and caches the latest results."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.config import Settings
from services.kpi.process import Message, run
from services.kpi.replay.memory_projection import ReplayBound
from services.kpi.replay.tasks import Task
from services.kpi.replay.worker import encode_request
from services.kpi.slot import OneAtATime
from services.kpi.store.reads import Progress

REMEMBERED = 4
MODULE = "services.kpi.replay.worker"


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay: a view at a position of the log.

    Args:
        progress: the position.
        digest: digest over all cells.
        rows: all rows, encoded as in `wire.rows`.
        made: bytes that the task produced; empty without a task.
        facts: name -> JSON value of further results of the task.
    """

    progress: Progress
    digest: str
    rows: bytes
    made: bytes
    facts: Mapping[str, Any]


class ReplayRunner:
    """Runs the replays of this process, one at a time, and caches the results. Thread-safe.

    Args:
        settings: settings that the subprocesses get too.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one = OneAtATime("replay")
        # Changed only while `_one` is held; a look-up needs no lock.
        self._known: OrderedDict[object, Replayed] = OrderedDict()

    def need_free(self) -> None:
        """Check that no replay is running in this process now; another may still come first.

        Raises:
            Exhausted: one is running; retry later.
        """
        self._one.need_free()

    def run(
        self,
        view_id: str,
        catalogue: catalogue_pb2.Catalogue,
        bound: ReplayBound,
        is_wanted: Callable[[], bool],
        task: Task | None = None,
    ) -> Iterator[int | Replayed]:
        """Replay the log in a subprocess; yield numbers of records read, and last the result.

        A result without a task is cached; the same replay then yields it at once.

        Args:
            view_id: id of the view whose log is replayed.
            catalogue: catalogue to count with.
            bound: where to stop.
            is_wanted: returns False once the caller has left; the subprocess is then killed.
            task: what to do with the works; None for nothing.

        Raises:
            Exhausted: another replay is running in this process; retry later.
            WrongState: the log no longer has these records.
            Unavailable: the broker is down, or the subprocess crashed.
        """
        key = (view_id, catalogue.version, tuple(sorted(bound.until.items())), bound.before_ms)
        known = self._known.get(key)
        if known is not None and task is None:
            yield known
            return
        request = encode_request(catalogue, bound, task)
        with (
            self._one.admitted(),
            closing(run(MODULE, self._settings, request, is_wanted)) as messages,
        ):
            for message in messages:
                if "read" in message.fields:
                    yield message.fields["read"]
                    continue
                replayed = _replayed(message)
                if task is None:
                    self._remember(key, replayed)
                yield replayed

    def _remember(self, key: object, replayed: Replayed) -> None:
        self._known[key] = replayed
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _replayed(message: Message) -> Replayed:
    fields = message.fields
    offsets = {int(partition): offset for partition, offset in fields["progress"].items()}
    progress = Progress(offsets, fields["newest_event_ms"], fields["parked"], frozenset())
    rows, made = message.attached
    return Replayed(progress, fields["digest"], rows, made, fields["facts"])
