"""Checkers that are no packages of this project: fetched into build/.tools, and kept there."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.deploy.known import ROOT

CACHE = ROOT / "build" / ".tools"
INSTALL_SECONDS = 600


def npm_packages(*packages: str) -> Path:
    """Return the folder with npm packages, e.g. `dclint@3.1.0`; skip when npm cannot bring them."""
    folder = CACHE / "npm" / "_".join(p.replace("/", "-").replace("@", "") for p in packages)
    return filled_by_npm(folder, "install", "--prefix", str(folder), *packages)


def filled_by_npm(folder: Path, *command: str, given: Sequence[Path] = ()) -> Path:
    """Return a folder in which a command of npm has succeeded once; skip when it does not.

    Workers that ask at the same time wait for the first.

    Args:
        folder: it need not exist.
        command: arguments of npm, which runs there.
        given: files that are copied into it before.
    """
    if shutil.which("npm") is None:
        pytest.skip("npm is not on PATH: install Node.js, and run it again")
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / ".done"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for file in given:
                shutil.copy(file, folder)
            made = subprocess.run(
                ["npm", *command, "--no-audit", "--no-fund"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=INSTALL_SECONDS,
            )
            if made.returncode:
                pytest.skip(f"npm {' '.join(command)} failed: {made.stderr[-300:]}")
            done.touch()
    return folder


def npm_tool(name: str, version: str) -> Path:
    """Return a command that an npm package brings."""
    return npm_packages(f"{name}@{version}") / "node_modules" / ".bin" / name


def locked_environment(name: str, lock: Path) -> Path:
    """Return the commands of an environment made of a lock; skip when it cannot be had."""
    folder = CACHE / name
    done = folder / ".lock"
    text = lock.read_text()
    if not done.exists() or done.read_text() != text:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        options = ["--disable-pip-version-check", "--require-hashes", "--requirement", str(lock)]
        made = subprocess.run(
            [*pip, *options], capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
        if made.returncode:
            pytest.skip(f"{name} could not be installed: {made.stderr[-300:]}")
        done.write_text(text)
    return folder / "bin"
