"""Remembers which submissions a reviewer has seen in the queue, in a file of their machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import typer

FILE = "review-queue.json"


@dataclass
class LastLook:
    """What one reviewer saw last.

    ``seen`` maps ids of submissions to the versions that were shown; ``shown`` is the id and
    version that `kieng review next` showed alone, empty if it was decided since.
    """

    path: Path
    who: str
    seen: dict[str, int] = field(default_factory=dict)
    shown: tuple[str, int] = ("", 0)

    @classmethod
    def of(cls, data: Path, who: str) -> Self:
        """Return what is remembered of a reviewer; nothing if the file is absent or damaged.

        Args:
            data: data folder of the stack; without it the user's own folder is used.
            who: name of the reviewer and their role, as one text.
        """
        folder = data if data.is_dir() else Path(typer.get_app_dir("kieng"))
        path = folder / FILE
        try:
            found = _read(path)[who]
            name, version = found["shown"]
            return cls(path, who, dict(found["seen"]), (str(name), int(version)))
        except (KeyError, TypeError, ValueError):
            return cls(path, who)

    def is_new(self, submission_id: str, version: int) -> bool:
        """Return True if this version was not shown before."""
        return self.seen.get(submission_id) != version

    def see(self, shown: Iterable[tuple[str, int]], waiting: Iterable[str] | None = None) -> None:
        """Remember what was shown; forget what no longer waits, if all that waits is given."""
        self.seen |= dict(shown)
        if waiting is not None:
            kept = set(waiting)
            self.seen = {name: version for name, version in self.seen.items() if name in kept}

    def save(self) -> bool:
        """Write the file; return False if it cannot be written: then all is new next time."""
        document = {**_read(self.path), self.who: {"seen": self.seen, "shown": list(self.shown)}}
        draft = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(document) + "\n", encoding="utf-8")
            draft.replace(self.path)
        except OSError:
            return False
        return True


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
