"""What CI runs: parts that decide, none keeps another from running, and a table ends it.

Parts are targets of make. The first ones run one after another, since they want the machine for
themselves; then two lanes run side by side, because tests of whole stacks wait more than they work.
What a machine cannot run, and what no CI run has time for, is told by name. docs/testing.md has
what each part takes. Only the standard library: it runs before `make setup`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import repeat

from targets import ROOT, groups, make, starting

WHOLE_MINUTES = 50.0
"""After so long what still runs is interrupted, and nothing begins any more."""
REPEAT_MINUTES = 5.0
JAVA_MIN = 17
LEAST_MINUTES = 0.1
"""With less time left a part does not begin."""
SIGNAL_SECONDS = 0.5
Missing = Callable[[], str]
"""Says what of a machine a part lacks; nothing if it can run."""


def nothing() -> str:
    return ""


def npm() -> str:
    return "" if shutil.which("npm") else "npm is not on PATH"


def kafka() -> str:
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            return f"{tool} is not on PATH"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r' version "(\d+)', told)
    if found is None or int(found[1]) < JAVA_MIN:
        return f"java is {found[1] if found else 'of an unknown version'}, not {JAVA_MIN} or later"
    return ""


@dataclass(frozen=True)
class Part:
    """A target of make.

    Args:
        target: its name.
        minutes: after which it is ended, and has failed.
        repeats: whether tests that failed are repeated once; one that passes then is flaky.
        decides: whether the whole fails with it. Parts that have not yet passed whole on a quiet
            machine are only told as NOT GREEN.
        missing: what the machine lacks for it.
        only: arguments for pytest that choose a part of its tests.
    """

    target: str
    minutes: float
    repeats: bool = True
    decides: bool = True
    missing: Missing = nothing
    only: tuple[str, ...] = ()


FIRST = (
    Part("setup", 10, repeats=False),
    Part("lint", 8, repeats=False),
    Part("proto-check", 5, repeats=False),
    Part("test", 25),
)
LANES = (
    (Part("test-slow", 20),),
    (
        Part("check-contracts", 12),
        Part("check-deploy", 12, missing=npm),
        Part("test-kafka", 12, decides=False, missing=kafka, only=("-m", "kafka")),
    ),
)
NEVER = {
    "make test-kafka": "it takes longer than all else; CI runs what is about Kafka alone",
    "make test-simulation": "10,000 schedules and the hunt for all mutants work for 40 minutes",
    "make test-hostile": "an attack on a stack wants a machine for itself",
    "make fuzz": "it takes 10 minutes; test-slow has 30 seconds of it",
    "make test-chaos": "it plays 20 rounds; test-kafka plays two",
    "make test-mongo": "it wants a MongoDB server from outside",
    "make bench": "figures want a quiet machine",
    "make bench-sizing": "figures want a quiet machine",
}
"""What no CI run does, and why: run it before a release, and after changes of what it is about."""


@dataclass(frozen=True)
class Row:
    """What became of a part: a line of the table.

    Args:
        part: its target.
        result: passed, FLAKY, FAILED, NOT GREEN or left out.
        seconds: by the clock.
        cpu_seconds: of all its processes that ended with it.
        said: what pytest counted, or why it is not `passed`.
    """

    part: str
    result: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    said: str = ""

    def __str__(self) -> str:
        """Return the line."""
        times = f"{clock(self.seconds):>6} {clock(self.cpu_seconds):>6}"
        return f"{self.part:16} {self.result:9} {times}  {self.said}".rstrip()


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def outcome(part: Part, end: float) -> Row:
    """Run a part, and once more what failed of it.

    Args:
        part: the part.
        end: monotonic time at which even the last part has to be done.
    """

    def minutes(most: float) -> float:
        return max(0.0, min(most, (end - time.monotonic()) / 60))

    if reason := part.missing():
        return Row(part.target, "left out", said=f"{reason}: make {part.target}")
    # Parts that run at the same time must not forget each other's failures, nor find older ones.
    cache = f"build/ci/{part.target}"
    shutil.rmtree(ROOT / cache, ignore_errors=True)
    arguments = ["-o", f"cache_dir={cache}", *part.only]
    failed = "FAILED" if part.decides else "NOT GREEN"
    limit = minutes(part.minutes)
    if limit < LEAST_MINUTES:
        return Row(part.target, failed, said=f"no time was left for it: make {part.target}")
    first = make(part.target, limit, arguments)
    row = Row(part.target, "passed", first.seconds, first.cpu_seconds, first.counted)
    if first.passed:
        return row
    if first.late:
        said = f"not done after {limit:.0f} minutes"
        return replace(row, result=failed, said="; ".join(filter(None, (said, first.counted))))
    left = minutes(REPEAT_MINUTES)
    if not part.repeats or left < LEAST_MINUTES:
        return replace(row, result=failed)
    print(f"{part.target} | FAILED. What failed is repeated once.", flush=True)
    # If no test failed, something else did, and repeating tests would hide it.
    again = ["--last-failed", "--last-failed-no-failures", "none"]
    second = make(part.target, left, [*arguments, *again])
    return Row(
        part.target,
        "FLAKY" if second.passed else failed,
        first.seconds + second.seconds,
        first.cpu_seconds + second.cpu_seconds,
        f"{first.counted}; repeated: {second.counted}",
    )


def outcomes(parts: Sequence[Part], end: float) -> list[Row]:
    """Run parts one after another, see `outcome`."""
    return [outcome(part, end) for part in parts]


def everything(end: float) -> list[Row]:
    """Run all parts: the first ones one after another, then the lanes side by side."""
    rows = [*browser(), *outcomes(FIRST, end)]
    with ThreadPoolExecutor(len(LANES)) as lanes:
        for found in lanes.map(outcomes, LANES, repeat(end)):
            rows += found
    return rows


def browser() -> list[Row]:
    """Install a browser if there is none and the machine allows it; return what is left out."""
    name = "the portal in Chromium"
    if shutil.which("chromium"):
        return []
    if not shutil.which("apt-get") or os.getuid():
        return [Row(name, "left out", said="Chromium is not on PATH: make test")]
    for command in (["update"], ["install", "-y", "chromium"]):
        installing = ["timeout", "5m", "apt-get", *command, "-qq"]
        if subprocess.run(installing, stdout=subprocess.DEVNULL, check=False).returncode:
            return [Row(name, "left out", said="Chromium cannot be installed: make test")]
    return []


def stop(number: int, frame: object) -> None:
    """Exit at once after Ctrl-C or TERM, and end the parts, whose groups no Ctrl-C reaches."""
    starting.acquire()  # for good: a part that starts is waited for, and no other one begins
    for pid in [*groups]:
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(pid, signal.SIGTERM)
    os._exit(128 + number)


def main() -> int:
    """Run everything; return 1 if a part failed."""
    # Also for the parts: whoever starts this in the background may ignore SIGINT, and they would.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    began = time.monotonic()
    end = began + WHOLE_MINUTES * 60
    # In a thread, because signals interrupt the main one, which a part that starts must not be.
    with ThreadPoolExecutor(1) as runner:
        work = runner.submit(everything, end)
        # Only the main thread handles signals, and nothing wakes it when another one receives them.
        while not wait([work], SIGNAL_SECONDS).done:
            pass
        rows = work.result()
    print(f"\n{'part':16} {'result':9} {'clock':>6} {'CPU':>6}")
    for row in rows:
        print(row)
    failed = [row.part for row in rows if row.result == "FAILED"]
    result, cpu_seconds = "FAILED" if failed else "passed", sum(row.cpu_seconds for row in rows)
    print(Row("whole", result, time.monotonic() - began, cpu_seconds, ", ".join(failed)))
    if flaky := [row.part for row in rows if row.result == "FLAKY"]:
        print(f"Flaky, to be mended before the next change: {', '.join(flaky)}.")
    if others := [row.part for row in rows if row.result == "NOT GREEN"]:
        print(f"Not green, and not yet decisive: {', '.join(others)}. Mend before the next change.")
    for command, why in NEVER.items():
        print(f"Left out of every CI run: {command}, because {why}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
