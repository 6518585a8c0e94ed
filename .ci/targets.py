"""Runs targets of make, and tells their lines behind their names as they come."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread, Timer
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 60.0
"""After its time a part is interrupted, as by Ctrl-C, and may say what failed so far."""
OUTPUT_SECONDS = 5.0
"""A process that a part left behind may hold its output open; it is not waited for."""
COUNTS = re.compile(r"=+ ((?:no tests|\d+ [a-z]+)\b.* in [\d.]+s.*?) =+\n")
"""The last line of pytest."""

groups = set[int]()
"""Process groups of the parts that run, by the pid of their make."""
starting = Lock()
"""Held until a part that starts is in `groups`; who keeps it lets no other part start."""


@dataclass(frozen=True)
class Done:
    """How make ended.

    Args:
        passed: it ended in time, and well.
        late: it had to be ended.
        seconds: by the clock.
        cpu_seconds: of its processes.
        counted: what pytest says at its end.
    """

    passed: bool
    late: bool
    seconds: float
    cpu_seconds: float
    counted: str


def make(target: str, minutes: float, arguments: Sequence[str]) -> Done:
    """Run a target; its lines are printed behind its name as they come.

    Args:
        target: of the Makefile.
        minutes: after which it is ended.
        arguments: for pytest.
    """
    began = time.monotonic()
    # A group of its own, so that all that the target started is told to end.
    with starting:
        process = subprocess.Popen(
            ["make", target, f"ARGS={' '.join(arguments)}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        groups.add(process.pid)
    assert process.stdout is not None
    counts, sent = list[str](), list[signal.Signals]()
    reader = Thread(target=tell, args=(target, process.stdout, counts), daemon=True)
    reader.start()

    def end(number: signal.Signals) -> None:
        sent.append(number)
        os.killpg(process.pid, number)

    steps = enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
    timers = [
        Timer(minutes * 60 + step * PATIENCE_SECONDS, end, [number]) for step, number in steps
    ]
    for timer in timers:
        timer.start()
    _, status, used = os.wait4(process.pid, 0)
    for timer in timers:
        timer.cancel()
    groups.discard(process.pid)
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join(OUTPUT_SECONDS)
    passed = process.returncode == 0 and not sent
    cpu_seconds = used.ru_utime + used.ru_stime
    counted = counts[-1] if counts else ""
    return Done(passed, bool(sent), time.monotonic() - began, cpu_seconds, counted)


def tell(target: str, output: IO[str], counts: list[str]) -> None:
    """Print what a target says, and collect what pytest counts."""
    with output:
        for line in output:
            print(f"{target} | {line}", end="", flush=True)
            if found := COUNTS.fullmatch(line):
                counts.append(found[1])
