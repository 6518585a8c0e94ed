"""What everyday commands cost: CPU of the command's own process, beside an older build.

Both builds run their demo on the embedded broker and database, and commands alternate, so that
whatever else the machine does meets both.
"""

from __future__ import annotations

import compileall
import json
import os
import resource
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmark.figures import Figure, Target
from tests.benchmark.importing import BEFORE, Stack, build
from tests.benchmark.machine import ROOT

ROUNDS = 7
COMMAND_SECONDS_MAX = 120
UP_TO_JULY = ("--from", "2025-01", "--to", "2025-07")
ONE = ("--unit", "vnu", "--indicator", "KNW-03")
AS_VNU = ("--institution", "vnu")
FILE = str(ROOT / "deploy" / "demo" / "vnu" / "agreement.csv")
COMMANDS = {
    "--help": ("--help",),
    "kpi show": ("kpi", "show", *UP_TO_JULY),
    "kpi explain": ("kpi", "explain", *ONE, *UP_TO_JULY),
    "submission list": ("submission", "list", *AS_VNU),
    "submission show": ("submission", "show", "{submission}", *AS_VNU),
    "unit search": ("unit", "search", "toán"),
    "review queue": ("review", "queue", *AS_VNU),
    "inbox list": ("inbox", "list", *AS_VNU),
    "report": ("report", "--unit", "vnu", "--to", "2025-07"),
    "doctor": ("doctor",),
    "import --dry-run": ("import", FILE, *AS_VNU, "--dry-run", "--no-effect"),
}
"""Name -> command of this build."""
FORMER = {
    "review queue": ("submission", "list", *AS_VNU, "--state", "submitted"),
    "report": ("kpi", "show", "--unit", "vnu", *UP_TO_JULY),
    "import --dry-run": ("import", FILE, *AS_VNU, "--dry-run"),
}
"""Name -> the nearest command of the former build, where that is another one."""
WANTED = {"--help": Target(0.25), "kpi show": Target(0.25)}
"""Name -> wanted ratio of CPU."""


class Shell:
    """A running demo of a build, and the costs of its commands so far."""

    def __init__(self, folder: Path, tree: Path) -> None:
        folder.mkdir(parents=True)
        self._stack = Stack(folder / "stack", tree)
        self._submission = ""
        self.spent: dict[str, list[float]] = {name: [] for name in COMMANDS}

    def start(self, opened: ExitStack) -> None:
        """Run the demo until its numbers are there; it is stopped with ``opened``."""
        opened.callback(self._stack.running.stop)
        answer = ("--json-out", str(self._stack.running.answer))
        self._stack.running.start("demo", *answer, until="kieng doctor")
        listed = self._stack.run("submission", "list", *AS_VNU, "--limit", "1")
        self._submission = json.loads(listed)["submissions"][0]["submission_id"]

    def run(self, name: str, command: tuple[str, ...]) -> None:
        """Run a command, and add what it cost.

        Raises:
            RuntimeError: it failed; carries its last words.
        """
        where = () if command == ("--help",) else ("--data", str(self._stack.running.data))
        given = (each.format(submission=self._submission) for each in command)
        argv = [str(self._stack.program), *given, *where]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            argv,
            env={**os.environ, **self._stack.environment, "KIENG_LANG": "en"},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode and name != "doctor":
            raise RuntimeError(f"{argv} ended with {done.returncode}: {done.stderr[-500:]}")
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.spent[name].append(used)


def measure(folder: Path) -> list[Figure]:
    """Run all commands with both builds; return CPU of each, and the ratios.

    Raises:
        Missing: there is no former build to compare with.
    """
    tree = build(BEFORE, folder)
    # No command compiles modules while it is measured.
    for each in (tree, ROOT / "services", ROOT / "protos"):
        compileall.compile_dir(each, quiet=2)
    old, new = Shell(folder / "before", tree), Shell(folder / "now", ROOT)
    with ExitStack() as opened:
        for shell in (old, new):
            shell.start(opened)
        for _ in range(ROUNDS):
            for name, command in COMMANDS.items():
                old.run(name, FORMER.get(name, command))
                new.run(name, command)
    return [figure for name in COMMANDS for figure in _figures(name, old, new)]


def _figures(name: str, old: Shell, new: Shell) -> Iterator[Figure]:
    before, now = (statistics.median(shell.spent[name]) for shell in (old, new))
    former = {"former": " ".join(FORMER[name][:2])} if name in FORMER else {}
    yield Figure(f"command {name}, {BEFORE}: CPU", before, "s", ROUNDS, former)
    yield Figure(f"command {name}: CPU", now, "s", ROUNDS)
    title, ratio = f"command {name}: CPU to {BEFORE}'s", now / before
    wanted = WANTED.get(name)
    yield wanted.judged(title, ratio) if wanted else Figure(title, ratio, "x", ROUNDS)
