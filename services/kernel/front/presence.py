"""Which institutions call processes of the same machine, whose processors all of these share.

In the folder of the bell each institution has a file, which every process touches that it calls.
Without a folder a process knows its own callers only.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

SUFFIX = ".present"
PRESENT_SECONDS = 2.0
"""Time after its last call for which an institution counts as present."""
NOTED_SECONDS = 0.5
"""Interval at which a file is touched, and at which the files are looked at."""
NOTED_MAX = 1000


class Presence:
    """The institutions that call processes of this machine. Thread-safe.

    Args:
        folder: folder that these processes share; None if there is none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._noted: dict[str, float] = {}
        self._looked = 0.0
        self.institutions: frozenset[str] = frozenset()
        """Ids of those that were present when `note` looked last."""

    def note(self, institution_id: str) -> None:
        """Record that an institution calls this process now, and see who else is present.

        It never fails: what cannot be recorded is known to this process alone.
        """
        if self._folder is None or not institution_id:
            return
        now = time.monotonic()
        if now - self._noted.get(institution_id, 0.0) > NOTED_SECONDS:
            if len(self._noted) >= NOTED_MAX:
                self._noted.clear()
            self._noted[institution_id] = now
            with suppress(OSError):
                (self._folder / f"{quote(institution_id, safe='')}{SUFFIX}").touch()
        if now - self._looked > NOTED_SECONDS:
            self._looked = now
            with suppress(OSError):
                self.institutions = frozenset(self._present(self._folder))

    def _present(self, folder: Path) -> list[str]:
        since = time.time() - PRESENT_SECONDS
        found = [each for each in folder.glob(f"*{SUFFIX}") if each.stat().st_mtime > since]
        return [unquote(each.name.removesuffix(SUFFIX)) for each in found]
