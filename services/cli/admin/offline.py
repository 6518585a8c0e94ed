"""Runs programs of the KPI service as subprocesses, since commands must not import a service."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from services.cli.errors import Failure

CHECK_DEFINITIONS = "services.kpi.offline.definition_check"
VERIFICATION = "services.kpi.offline.verification"


def run(module: str, *arguments: str, exit_code: int, given: bytes = b"") -> dict[str, Any]:
    """Run a program to its end and return the JSON object that it prints.

    Args:
        module: name of its module, for `python -m`.
        arguments: its command-line arguments.
        exit_code: exit code of the `Failure` if the program fails.
        given: its standard input.

    Raises:
        Failure: the program failed; the message is the last line of its standard error.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(lines[-1] if lines else f"{module} failed without a message", exit_code)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
