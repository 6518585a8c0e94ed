"""Runs replays in child processes, one at a time, and remembers the last ones."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from kafka.errors import KafkaError

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import Exhausted, Refusal, Unavailable, WrongState
from services.kpi.replaying import encode_wish
from services.kpi.scratch import Cut
from services.kpi.store.snapshots import Progress
from services.kpi.tasks import Task

REMEMBERED = 4
MODULE = "services.kpi.replaying"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A view as it stood at a position.

    Args:
        progress: the position.
        digest: digest over all cells.
        rows: all rows, see `wire.rows`.
        made: what the task made; empty without one.
        facts: what the task tells of it.
    """

    progress: Progress
    digest: str
    rows: bytes
    made: bytes
    facts: Mapping[str, Any]


class Replays:
    """Replays of this process. Thread-safe.

    Args:
        options: returns how a client connects to the broker.
    """

    def __init__(self, options: Callable[[], dict[str, Any]]) -> None:
        self._options = options
        self._busy = threading.Lock()
        # Changed only by whoever holds `_busy`; a single look-up needs no lock.
        self._known: OrderedDict[object, Replayed] = OrderedDict()

    def run(
        self,
        view_id: str,
        catalogue: catalogue_pb2.Catalogue,
        cut: Cut,
        is_wanted: Callable[[], bool],
        task: Task | None = None,
    ) -> Iterator[int | Replayed]:
        """Yield how many records were read, now and then, and at the end the view.

        Args:
            view_id: view whose log it is.
            catalogue: what is counted with.
            cut: where it stops.
            is_wanted: whether anybody still waits; the child is ended when nobody does.
            task: what to do with the works; None for nothing.

        Raises:
            Exhausted: another replay runs in this process; repeat later.
            WrongState: the log no longer has these records.
            Unavailable: the broker is down, or the child died.
        """
        key = (view_id, catalogue.version, tuple(sorted(cut.until.items())), cut.before_ms)
        known = self._known.get(key)
        if known is not None and task is None:
            yield known
            return
        if not self._busy.acquire(blocking=False):
            raise Exhausted("another replay runs in this process; repeat when it is done")
        try:
            wish = encode_wish(catalogue, cut, task, self._options())
            for step in self._child(wish, is_wanted):
                if isinstance(step, Replayed) and task is None:
                    self._remember(key, step)
                yield step
        except KafkaError as error:
            raise Unavailable(f"the broker cannot be reached: {error!r}") from error
        finally:
            self._busy.release()

    def _remember(self, key: object, replayed: Replayed) -> None:
        self._known[key] = replayed
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _child(self, wish: bytes, is_wanted: Callable[[], bool]) -> Iterator[int | Replayed]:
        child = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(wish)
            child.stdin.close()
            yield from _steps(child.stdout, is_wanted)
        except BrokenPipeError as error:
            raise Unavailable("the replay died; repeat") from error
        finally:
            child.kill()
            child.stdout.close()
            child.wait()


def _steps(out: IO[bytes], is_wanted: Callable[[], bool]) -> Iterator[int | Replayed]:
    for line in out:
        if not is_wanted():
            return
        document = json.loads(line)
        if "read" in document:
            yield document["read"]
        elif "refused" in document:
            raise _refusal(document["refused"])
        else:
            rows, made = (out.read(length) for length in document["lengths"])
            progress = _progress(document)
            yield Replayed(progress, document["digest"], rows, made, document["facts"])
            return
    raise Unavailable("the replay died; repeat")


def _progress(document: dict[str, Any]) -> Progress:
    offsets = {int(partition): offset for partition, offset in document["progress"].items()}
    return Progress(offsets, document["newest_event_ms"], document["parked"], frozenset())


def _refusal(document: dict[str, str]) -> Refusal:
    kind = WrongState if document["status"] == WrongState.status else Unavailable
    return kind(document["message"], reason=document["reason"])
