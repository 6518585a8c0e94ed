"""One run of the fuzzer: several callers for a time, and what is wrong afterwards."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc

from kieng.kpi.v1 import view_pb2
from kieng.submissions.v1 import import_service_pb2, submission_pb2
from services.cli.client.channels import open_channel
from services.cli.client.stack import Stack
from tests.e2e.calls import article, creation
from tests.fuzz import processes
from tests.fuzz.calling import Fuzzer, Seen
from tests.fuzz.credentials import Credentials
from tests.fuzz.drawing import Pool
from tests.fuzz.targets import Target, targets
from tests.waiting import wait_until

CALLERS = 6
LISTENERS = 2
"""Callers of endless streams, which cost time instead of calls."""
SAMPLE_SECONDS = 1.0
STORES = ("broker", "database")
WARM = 0.5
"""Part of a run after which memory has to be flat."""
GROWTH_MB = 40.0
GROWTH = 0.15
DRAIN_SECONDS = 60.0
VALUES: dict[str, list[Any]] = {
    "unit_id": ["consortium", "vnu", "hust", "vnu/hus", "vnu/hus/physics", "hust/sem", "none"],
    "indicator_code": ["KNW-03", "KNW-01", "TRF-01", "XXX-99"],
    "from_month": ["2021-01", "2025-01", "2025-12"],
    "to_month": ["2021-12", "2025-12", "2026-06"],
    "page_size": [0, 1, 5, 500],
    "version": [1, 2, 3],
    "year": [2025, 2026],
    "from_year": [2025],
    "to_year": [2026],
    "work_key": ["doi:10.5555/none"],
    "doi": [f"10.5555/fuzz.{number}" for number in range(40)],
    "issued_on": ["2021-03-01", "2025-03-01"],
    "title": ["Synthetic article"],
    "reason": ["synthetic reason"],
}


@dataclass
class Run:
    """What a run came to. ``memory`` has for each process the MB seen, once a second."""

    seconds: float
    seed: int
    seen: Seen = field(default_factory=Seen)
    memory: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    still_open: dict[str, float] = field(default_factory=dict)
    log_mb: float = 0.0

    def grown(self) -> dict[str, tuple[float, float]]:
        """Return the services whose memory was not flat, with MB when warm and at the end.

        The embedded broker and database are left out: they hold in memory what the calls wrote.
        """
        return {
            name: ends
            for name, ends in self.ends().items()
            if name not in STORES and _has_grown(*ends)
        }

    def ends(self) -> dict[str, tuple[float, float]]:
        """Return the highest memory of each process until it was warm, and that at the end."""
        return {
            name: (max(found[: max(1, int(len(found) * WARM))]), min(found[-5:]))
            for name, found in self.memory.items()
        }

    def never_answered(self) -> list[str]:
        """Return the RPCs that were never answered OK, so that little of them was reached."""
        return sorted(name for name, codes in self.seen.codes.items() if not codes["OK"])

    def lines(self) -> Iterator[str]:
        """Yield a summary for people."""
        made = f"{self.seen.calls} calls in {self.seconds:.0f} s, {self.log_mb:.1f} MB of log"
        yield f"fuzz: SEED={self.seed}, {made}"
        for name, codes in sorted(self.seen.codes.items()):
            counted = " ".join(f"{code} {number}" for code, number in codes.most_common())
            yield f"  {name}: {counted}; slowest {self.seen.slowest[name]:.1f} s"
        shown = (f"{name} {warm:.0f} -> {end:.0f}" for name, (warm, end) in self.ends().items())
        yield f"fuzz: memory, MB: {', '.join(shown)}"
        yield f"fuzz: never answered OK: {', '.join(self.never_answered()) or 'none'}"


def fuzz(stack: Stack, seconds: float, seed: int) -> Run:
    """Call every RPC in turn for a time, then wait until nothing runs any more."""
    run, logs, pool = Run(seconds, seed), processes.Logs(stack), _pool()
    end = time.monotonic() + seconds
    with ExitStack() as opened:
        channels = {
            name: opened.enter_context(open_channel(stack, stack.address(name)))
            for name in {target.process for target in targets()}
        }
        threads = []
        for number in range(CALLERS + LISTENERS):
            dice = random.Random(f"{seed} {number}")
            fuzzer = Fuzzer(channels, Credentials(stack, dice), pool, dice)
            wanted = [each for each in targets() if each.is_endless == (number >= CALLERS)]
            dice.shuffle(wanted)
            threads.append(_Caller(fuzzer, wanted, end))
        for thread in threads:
            thread.start()
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(SAMPLE_SECONDS)
            for name, found in processes.memory(stack).items():
                run.memory.setdefault(name, []).append(found)
    for thread in threads:
        run.seen.add(thread.fuzzer.seen)
    wait_until(lambda: not any(processes.still_open(stack).values()), DRAIN_SECONDS, "calls ended")
    run.errors = list(logs.errors())
    run.log_mb = logs.written() / 1e6
    return run


class _Caller(threading.Thread):
    def __init__(self, fuzzer: Fuzzer, wanted: list[Target], end: float) -> None:
        super().__init__(daemon=True)
        self.fuzzer, self._wanted, self._end = fuzzer, wanted, end

    def run(self) -> None:
        while True:
            for target in self._wanted:
                if time.monotonic() > self._end:
                    return
                try:
                    self.fuzzer.call(target)
                except (ValueError, TypeError, grpc.RpcError) as error:
                    self.fuzzer.seen.wrong.append(f"{target}: the fuzzer failed: {error!r}")


def _pool() -> Pool:
    """Return what is known at the start: a valid request of the RPCs that make something."""
    pool = Pool(dict(VALUES))
    for doi in VALUES["doi"]:
        made = creation("vnu/hus", article(doi, "2025-03-01"))
        pool.take_in(made)
        source = submission_pb2.SourceRecord()
        row = import_service_pb2.ImportSubmissionsRequest(row=1, source_record=source)
        row.content.CopyFrom(made.content)
        for text in row.source_record.DESCRIPTOR.fields:
            setattr(row.source_record, text.name, f"fuzz-{doi[-2:]}")
        pool.take_in(row)
    for unit in ("consortium", "hust"):
        pool.take_in(
            view_pb2.Selection(
                unit_ids=[unit],
                indicator_codes=["KNW-03"],
                from_month="2021-01",
                to_month="2021-12",
            )
        )
    return pool


def _has_grown(warm: float, end: float) -> bool:
    return end > warm * (1 + GROWTH) + GROWTH_MB
