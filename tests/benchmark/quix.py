"""Quix Streams with the same fold, in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmark.figures import Figure
from tests.benchmark.machine import ROOT, Machine, catalogue
from tests.benchmark.peers import Missing

REQUIREMENTS = Path(__file__).with_name("quix-requirements.txt")
ENVIRONMENT = ROOT / ".venv" / "quix-streams"
MODULE = "tests.benchmark.quix_inside"
EVENTS_MAX = 100_000
SECONDS_MAX = 600


def measure(machine: Machine, events: int, bare_us: float) -> list[Figure]:
    """Fold the log with works in Quix's state and its changelog, and rows in memory."""
    events = min(events, EVENTS_MAX)
    python = _installed()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "protos" / "gen")])
    folder = machine.folder / "quix"
    folder.mkdir()
    (folder / "catalogue.binpb").write_bytes(catalogue().SerializeToString())
    done = subprocess.run(
        [str(python), "-m", MODULE, machine.bootstrap, str(events), str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise RuntimeError("\n".join(done.stderr.splitlines()[-5:]))
    measured = json.loads(done.stdout.splitlines()[-1])
    counted = measured["events"]
    cost = measured["cpu"] / counted * 1e6
    how = {"": "works in its state with a changelog, rows in memory only"}
    return [
        Figure("Quix Streams: rate", counted / measured["wall"], "events/s", counted, how),
        Figure("Quix Streams: process", cost, "us CPU/event", counted, how),
        Figure("Quix Streams: ratio to the bare fold", cost / bare_us, "x", counted),
    ]


def _installed() -> Path:
    """Return the interpreter of the environment, which is made the first time."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "installed"
    if not stamp.exists():
        steps = (
            [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)],
            [
                str(python),
                "-m",
                "pip",
                "install",
                "-q",
                "--require-hashes",
                "-r",
                str(REQUIREMENTS),
            ],
        )
        for argv in steps:
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Missing(f"cannot be installed: {(done.stderr or done.stdout)[-300:]}")
        stamp.touch()
    return python
