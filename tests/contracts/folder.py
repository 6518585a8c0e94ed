"""The contracts as a stranger gets them, and the commands that their README gives him."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

PROTOS = Path(__file__).parents[2] / "protos"
README = PROTOS / "README.md"
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)


def contracts() -> list[str]:
    """Return the names of all .proto files, relative to the folder."""
    return sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))


def shipped(folder: Path) -> Path:
    """Copy the .proto files, and nothing else, to `protos` in a folder; make `gen` beside it."""
    for name in contracts():
        target = folder / "protos" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROTOS / name, target)
    (folder / "gen").mkdir(exist_ok=True)
    return folder


def command_for(language: str) -> str:
    """Return the one command that the README gives for a language."""
    sections = dict(SECTION.findall(README.read_text(encoding="utf-8")))
    (command,) = FENCE.findall(sections[language])
    return str(command)
