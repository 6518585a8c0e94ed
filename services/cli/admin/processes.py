"""Reads from `/proc` (Linux) what the processes of a local stack use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time and memory that one process uses, and when it was started.

    ``memory_bytes`` is its resident memory; ``started_at`` is in Unix seconds.
    """

    cpu_seconds: float
    memory_bytes: int
    started_at: float


def usage_of(pid: int) -> Usage | None:
    """Return the usage of a process; None if it does not exist, has ended, or cannot be read."""
    try:
        # The name, in parentheses, may contain blanks.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        booted = next(
            int(line.split()[1])
            for line in (PROC / "stat").read_text().splitlines()
            if line.startswith("btime ")
        )
    except OSError:
        return None
    if fields[0] == "Z":
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Usage(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / ticks,
        memory_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        started_at=booted + int(fields[19]) / ticks,
    )


def environment_of(pid: int) -> dict[str, str]:
    """Return name -> value of the variables a process was started with; empty if unreadable."""
    try:
        told = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (each.decode(errors="replace").partition("=") for each in told.split(b"\0") if each)
    return {name: value for name, _, value in pairs}
