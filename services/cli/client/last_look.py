"""Remembers which submissions of the queue a reviewer has seen, in a file on their machine."""

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
    """The submissions that one reviewer has seen in the queue, as kept in a file.

    ``path`` is the file and ``who`` the key of the reviewer in it. ``seen`` maps ids of submissions
    to the versions that were shown. ``shown`` is the id and version of the submission that `kieng
    review next` showed last; the id is empty if there is none, or if it has been decided since.
    """

    path: Path
    who: str
    seen: dict[str, int] = field(default_factory=dict)
    shown: tuple[str, int] = ("", 0)

    @classmethod
    def of(cls, data: Path, who: str) -> Self:
        """Return the record of a reviewer; an empty one if the file is absent, damaged or has none.

        Args:
            data: data folder of the stack; if it does not exist, the user's own folder is used.
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
        """Return True unless this version of the submission is the one that was shown last."""
        return self.seen.get(submission_id) != version

    def see(self, shown: Iterable[tuple[str, int]], waiting: Iterable[str] | None = None) -> None:
        """Record submissions as shown, without writing the file yet.

        Args:
            shown: id and version of each submission that was shown.
            waiting: ids of all submissions that wait for a decision; all others are forgotten. None
                forgets nothing.
        """
        self.seen |= dict(shown)
        if waiting is not None:
            kept = set(waiting)
            self.seen = {name: version for name, version in self.seen.items() if name in kept}

    def save(self) -> bool:
        """Write this record to the file, leaving those of other reviewers unchanged.

        Returns:
            False if the file cannot be written; it is then as it was before.
        """
        document = {**_read(self.path), self.who: {"seen": self.seen, "shown": list(self.shown)}}
        draft = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.touch(mode=0o600)
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
