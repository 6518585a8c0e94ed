"""What `kieng doctor` finds: one line per thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass

UP = "kieng up"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: what was looked at.
        exit_code: 0 when it is well, `NO` when it is wrong, `DOWN` when it does not answer.
        detail: what was found.
        remedy: the command that mends it; empty when it is well.
    """

    check: str
    exit_code: int
    detail: str
    remedy: str = ""
