"""`kieng` commands in processes that are forked with everything imported (tests/forking.py).

Each is a process with an environment, a folder and outputs of its own, and an exit code. So are the
programs of the KPI service that commands run (services/cli/admin/offline.py). That the installed
program starts them, and itself, is shown by the tests that start it (see KIENG).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.forking import FORKING, completed


@dataclass(frozen=True)
class Answer:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


def kieng(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float
) -> Answer:
    """Run a command that has to end within some seconds.

    Args:
        arguments: what follows `kieng`.
        environment: all variables of the process.
        folder: where it runs.
        seconds: after which it is killed, and the test fails.
    """
    with tempfile.TemporaryDirectory(prefix="kieng-") as written:
        out, err = (Path(written, name) for name in ("out", "err"))
        given = ([*arguments], {**environment}, str(folder), (str(out), str(err)))
        process = FORKING.Process(target=_command, args=given)
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"kieng {' '.join(arguments)}: not ended after {seconds:g} s")
        texts = (path.read_text("utf-8") if path.exists() else "" for path in (out, err))
        return Answer(process.exitcode, *texts)


def _command(
    arguments: list[str], environment: dict[str, str], folder: str, outputs: tuple[str, str]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = ["kieng", *arguments]
    # Imported here already: see tests/forking.py.
    from services.cli.admin import offline
    from services.cli.main import main

    vars(offline)["subprocess"] = SimpleNamespace(run=_program)
    main(arguments)


def _program(
    command: Sequence[str], *, input: bytes, **_: object
) -> subprocess.CompletedProcess[bytes]:
    """`subprocess.run` of `python -m MODULE ARGUMENTS`, as a fork."""
    fork = get_context("fork")
    return completed(*command[2:], environment=os.environ, given=input, context=fork)
