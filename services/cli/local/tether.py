"""Starts programs that do not outlive the process that started them (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Runs in the child before its program, because preexec_fn is unsafe in a parent with threads. The 1
# is PR_SET_PDEATHSIG. The parent may have died before that call, so it is checked afterwards.
_TETHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
"""


def run_tethered(
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    log_path: Path,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; Linux kills it when the thread that started it ends.

    Args:
        argv: its command line.
        env: its whole environment; None for that of this process.
        log_path: file to which its output is appended.
        stdin: file descriptor of its standard input; by default it has none.
    """
    tether = (sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()))
    with log_path.open("ab") as log:
        return subprocess.Popen(
            (*tether, *argv),
            env=env,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
