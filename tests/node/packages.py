"""The packages of `package-lock.json`, fetched once into build/.tools, checked by hashes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / "build" / ".tools" / "node"
INSTALL_SECONDS = 300


def packages() -> Path:
    """Return the folder that holds `node_modules`; skip when npm cannot bring them."""
    if shutil.which("npm") is None:
        pytest.skip("no npm here: install Node.js, and run it again")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / hashlib.sha256(lock).hexdigest()[:12]
    done = folder / ".done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        made = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
        if made.returncode:
            pytest.skip(f"npm did not bring what package-lock.json lists: {made.stderr[-300:]}")
        done.touch()
    return folder


def script(name: str) -> Path:
    """Return a script of this folder, placed where it finds the packages."""
    folder = packages()
    return Path(shutil.copy(HERE / name, folder))
