"""A writer that goes on while processes are killed, and knows what the broker acknowledged."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from kafka import KafkaProducer

from kieng.submissions.v1 import events_pb2
from services.kpi.domain.authority import source_of
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.oracle.recompute import LogRecord
from services.kpi.wire import events
from tests.simulation import history
from tests.simulation.office import LEAVES

AUTHORS = 150
KEYS = 200
REPEATED = 0.02
PAUSE_SECONDS = 0.01
ACKNOWLEDGED_SECONDS_MAX = 30
TYPE = ("ce_type", events.CHANGED.encode())


class Writer:
    """Appends to the submissions log from a thread of its own, one change after the other.

    Args:
        bootstrap: the broker.
        seed: decides what is written.
    """

    def __init__(self, bootstrap: str, seed: int) -> None:
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
        self._rng = random.Random(seed)
        self._authors = [
            history.Author(f"s{number}", self._rng.choice(LEAVES)) for number in range(AUTHORS)
        ]
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None
        self._sent: list[tuple[Any, bytes]] = []
        self.log: list[LogRecord] = []
        """Every record that was acknowledged."""
        self.versions: dict[tuple[str, str], int] = {}
        """(work, submission) -> newest version that was acknowledged."""
        self._ends: dict[int, int] = {}

    def start(self) -> None:
        """Begin to write."""
        self._running = self._thread.submit(self._run)

    def stop(self) -> None:
        """End; raises what ended the thread before."""
        self._stopping.set()
        if self._running is not None:
            self._running.result(ACKNOWLEDGED_SECONDS_MAX * 2)
        self._thread.shutdown()
        self._producer.close()

    def burst(self, changes: int) -> None:
        """Send many changes at once and return before they are acknowledged."""
        with self._lock:
            made = [event for _ in range(changes) for event in self._change()]
            for event in made:
                self._send(event)

    def ends(self) -> dict[int, int]:
        """Return partition -> offset behind the last record there, all of them acknowledged."""
        with self._lock:
            self._acknowledge()
            return dict(self._ends)

    @contextmanager
    def quiet(self) -> Iterator[dict[int, int]]:
        """Write nothing while the block runs; gives what `ends` returns."""
        with self._lock:
            self._acknowledge()
            yield dict(self._ends)

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            with self._lock:
                for event in self._change():
                    self._send(event)
                self._acknowledge()

    def _change(self) -> list[events_pb2.SubmissionChanged]:
        return self._rng.choice(self._authors).change(self._rng, keys=KEYS)

    def _send(self, event: events_pb2.SubmissionChanged) -> None:
        value, key = event.SerializeToString(), event.work_key.encode()
        headers = [TYPE, ("ce_source", source_of(event.institution_id).encode())]
        for _ in range(2 if self._rng.random() < REPEATED else 1):
            promise = self._producer.send(SUBMISSIONS, value, key, headers=headers)
            self._sent.append((promise, value))

    def _acknowledge(self) -> None:
        for promise, value in self._sent:
            place = promise.get(timeout=ACKNOWLEDGED_SECONDS_MAX)
            self._ends[place.partition] = max(self._ends.get(place.partition, 0), place.offset + 1)
            self.log.append(LogRecord(0, value))
            event = events_pb2.SubmissionChanged.FromString(value)
            name = event.work_key, event.submission_id
            self.versions[name] = max(self.versions.get(name, 0), event.version)
        self._sent.clear()
