"""Watches the processes of a stack from outside: memory, log, open calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

from services.cli.client.stack import Stack

OPEN = re.compile(
    r"^kieng_grpc_(calls_running|streams_running|calls_waiting) ([0-9.]+)", re.MULTILINE
)
TROUBLE = ("error", "critical")
LINES_MAX = 40
"""Lines that are told of a traceback."""


def memory(stack: Stack) -> dict[str, float]:
    """Return the resident memory of each process, in MB."""
    return {name: _resident(process.pid) for name, process in stack.processes.items()}


def _resident(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1000


def still_open(stack: Stack) -> dict[str, float]:
    """Return what calls and streams run or wait at each process that answers calls."""
    found = {}
    for name, process in stack.processes.items():
        if process.grpc and process.http:
            with urlopen(f"http://{process.http}/metrics", timeout=10) as answer:
                text = answer.read().decode()
            found[name] = sum(float(number) for _, number in OPEN.findall(text))
    return found


class Logs:
    """What the processes of a stack write from now on."""

    def __init__(self, stack: Stack) -> None:
        self._begin = {
            Path(process.log): Path(process.log).stat().st_size
            for process in stack.processes.values()
            if process.log and Path(process.log).exists()
        }

    def errors(self) -> Iterator[str]:
        """Yield every line that tells of an error that nobody foresaw."""
        for path, begin in self._begin.items():
            with path.open(encoding="utf-8", errors="replace") as log:
                log.seek(begin)
                for line in log:
                    if _is_error(line):
                        # A traceback goes on in the next lines; elsewhere they do no harm.
                        more = islice(log, LINES_MAX if line.startswith("Traceback ") else 0)
                        yield f"{path.name}: {line.strip()[:3000]}\n{''.join(more)}".rstrip()

    def written(self) -> int:
        """Return how many bytes were written."""
        return sum(path.stat().st_size - begin for path, begin in self._begin.items())


def _is_error(line: str) -> bool:
    if line.startswith("Traceback "):
        return True
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("level") in TROUBLE
