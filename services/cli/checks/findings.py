"""The result of one check of `kieng doctor`."""

from __future__ import annotations

from dataclasses import dataclass

UP = "kieng up"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Args:
        check: name of what was checked.
        exit_code: 0 if it is healthy, `NO` if something is wrong, `DOWN` if it does not work.
        detail: what was found, in one line.
        remedy: how to fix it, a command if possible; empty if it is healthy.
    """

    check: str
    exit_code: int
    detail: str
    remedy: str = ""
