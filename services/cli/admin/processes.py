"""Looks at the processes of a local stack, as the operating system tells of them (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: seconds of processor time, bytes of memory, and since when it runs.

    ``started_at`` is in Unix seconds.
    """

    cpu_seconds: float
    memory_bytes: int
    started_at: float


def usage_of(pid: int) -> Usage | None:
    """Return what a process has used; None if there is no such process, or it cannot be seen."""
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
    """Return the environment that a process was started with; empty if it cannot be read."""
    try:
        told = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (each.decode(errors="replace").partition("=") for each in told.split(b"\0") if each)
    return {name: value for name, _, value in pairs}
