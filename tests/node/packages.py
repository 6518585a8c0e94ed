"""The packages of `package-lock.json`, fetched once into build/.tools, checked by hashes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.deploy.tools import CACHE, filled_by_npm

HERE = Path(__file__).parent


def packages() -> Path:
    """Return the folder that holds `node_modules`; skip when npm cannot bring them."""
    lock = HERE / "package-lock.json"
    folder = CACHE / "node" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return filled_by_npm(folder, "ci", "--ignore-scripts", given=[HERE / "package.json", lock])


def script(name: str) -> Path:
    """Return a script of this folder, placed where it finds the packages."""
    folder = packages()
    return Path(shutil.copy(HERE / name, folder))
