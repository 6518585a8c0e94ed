"""The Dockerfile: its instructions, and its build stage carried out without an engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.deploy.known import DOCKERFILE, ROOT

Instruction = tuple[str, str]


def instructions() -> list[tuple[str, str]]:
    """Keyword and text of every instruction, continued lines joined."""
    lines = [
        line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, text) for word, _, text in (row.partition(" ") for row in joined.splitlines())]


def final_stage() -> list[tuple[str, str]]:
    """The instructions of what runs."""
    rows = instructions()
    last = max(index for index, (word, _) in enumerate(rows) if word == "FROM")
    return rows[last:]


def python_of_all() -> Path:
    """Return a Python of this version that every user may run, else the one that runs this."""
    own = Path(sys.base_prefix) / "bin" / "python3"
    name = f"python3.{sys.version_info.minor}"
    for path in (own.resolve(), Path("/usr/local/bin") / name, Path("/usr/bin") / name):
        if path.exists() and all(above.stat().st_mode & 0o001 for above in path.resolve().parents):
            return path
    return own


def may_change_user(python: Path) -> bool:
    """Tell whether programs of this Python can run here as the image's user."""
    is_open = all(above.stat().st_mode & 0o001 for above in python.resolve().parents)
    return os.geteuid() == 0 and is_open


def carry_out_build_stage(folder: Path) -> Path:
    """Do in a folder what the build stage does; return what `/opt/kieng` became.

    COPY takes from the repository, RUN runs in a shell, ENV holds from there on. What it cannot
    show: the base image, and what the base image lacks.
    """
    target, python = folder / "opt-kieng", folder / "python"
    subprocess.run([python_of_all(), "-m", "venv", python], check=True)
    environment = {**os.environ, "PATH": f"{python / 'bin'}:{os.environ['PATH']}"}
    workplace = folder
    for word, text in instructions()[: -len(final_stage())]:
        if word == "WORKDIR":
            workplace = folder / text.lstrip("/")
            workplace.mkdir()
        elif word == "ENV":
            environment |= dict(pair.split("=", 1) for pair in text.split())
        elif word == "COPY":
            *sources, destination = text.split()
            for source in sources:
                _copy(ROOT / source, workplace / destination, is_one=len(sources) == 1)
        elif word == "RUN":
            command = text.replace("/opt/kieng", str(target))
            done = subprocess.run(
                ["bash", "-c", command],
                capture_output=True,
                text=True,
                check=False,
                cwd=workplace,
                env=environment,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return target


def _copy(source: Path, destination: Path, is_one: bool) -> None:
    if source.is_dir():
        leave_out = shutil.ignore_patterns("__pycache__", "*.py[cod]")
        shutil.copytree(source, destination, ignore=leave_out, dirs_exist_ok=True)
    else:
        into = destination if is_one and not destination.is_dir() else destination / source.name
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, into)
