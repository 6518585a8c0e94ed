"""Where the time of the slowest calls went, as the log lines of a stack's services say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STAGES = ("waited_ms", "ms", "cpu_ms")
SLOWEST = 5


class Window:
    """Times during which calls are looked at.

    Several blocks `with window:` add up.
    """

    def __init__(self) -> None:
        self._times: list[tuple[str, str]] = []
        self._began = ""

    def __enter__(self) -> None:
        """Begin a time."""
        self._began = _now()

    def __exit__(self, *error: object) -> None:
        """End it."""
        self._times.append((self._began, _now()))

    def __contains__(self, timestamp: str) -> bool:
        """Return True if a time of the log is in one of them."""
        return any(begin <= timestamp <= end for begin, end in self._times)


def calls(log: Path, method: str, institution: str, window: Window) -> list[dict[str, Any]]:
    """Return the log lines of an institution's calls of an RPC in a window, slowest first."""
    found = [line for line in _lines(log) if _is_of(line, method, institution)]
    mine = [line for line in found if line["timestamp"] in window]
    return sorted(mine, key=lambda line: -(line["waited_ms"] + line["ms"]))


def told(log: Path, method: str, institution: str, window: Window) -> str:
    """Return the stages of the slowest calls as words."""
    slowest = calls(log, method, institution, window)[:SLOWEST]
    shown = ("/".join(f"{line[stage]:.0f}" for stage in STAGES) for line in slowest)
    return f"slowest {method} in the service, ms waited/on its thread/CPU: {', '.join(shown)}"


def _is_of(line: dict[str, Any], method: str, institution: str) -> bool:
    is_call = line.get("event") == "call" and line["institution"] == institution
    return is_call and line["method"].rpartition(".")[2] == method


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue  # what a library printed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
