"""Limits on how many calls or streams one principal and one institution may have open at once."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from services.kernel.access import Principal
from services.kernel.errors import Exhausted

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum numbers of calls, or of streams, that may be open at once.

    Args:
        principal: limit of each principal.
        institution: limit of each institution.
        process: limit of the whole process.
    """

    principal: int
    institution: int
    process: int


class Admission:
    """Counts open calls, or open streams, by principal and by institution. Thread-safe.

    Args:
        kind: plural noun for what is counted, used in messages.
        limits: the maximum numbers.
    """

    def __init__(self, kind: str, limits: Limits) -> None:
        self._kind, self._limits = kind, limits
        self._lock = threading.Lock()
        self._open: Counter[tuple[str, ...]] = Counter()

    def enter(self, principal: Principal) -> None:
        """Count one more open call, or stream, of a principal; call `leave` once when it ends.

        Raises:
            Exhausted: a limit of the principal, its institution or the process is reached; nothing
                was counted.
        """
        limits = self._limits
        keys = _keys(principal)
        names = ("you", principal.institution_id or "callers without credential", "this service")
        with self._lock:
            bounds = limits.principal, limits.institution, limits.process
            for key, name, most in zip(keys, names, bounds, strict=True):
                if self._open[key] >= most:
                    text = f"{name} may have at most {most} {self._kind} open at once"
                    raise Exhausted(text, retry_after_seconds=RETRY_SECONDS)
            self._open.update(keys)

    def leave(self, principal: Principal) -> None:
        """Count one open call, or stream, less for a principal; only after a successful `enter`."""
        with self._lock:
            for key in _keys(principal):
                self._open[key] -= 1
                if not self._open[key]:
                    del self._open[key]

    def open(self) -> int:
        """Return how many calls, or streams, are open in the whole process."""
        return self._open[()]


def _keys(principal: Principal) -> tuple[tuple[str, ...], ...]:
    return (principal.institution_id, principal.subject), (principal.institution_id,), ()
