"""Errors of files that cannot be read."""

from __future__ import annotations

from pathlib import Path


class Unreadable(Exception):
    """Raised if a file cannot be read. The fault of the file's author.

    Args:
        place: the file, with the number of a row if only that is wrong: `receipt.csv:7`.
        problem: what is wrong and what to do about it, in one line.
    """

    def __init__(self, place: Path | str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = str(place)
        self.problem = problem

    def __str__(self) -> str:
        """Return place and problem in one line; only the problem if the place is empty."""
        return f"{self.place}: {self.problem}" if self.place else self.problem


class Unclear(Unreadable):
    """Raised if a file cannot be read as requested; the user has to choose something else.

    Args:
        place: the file; empty if it is an option that is wrong and not the file.
        problem: what is wrong and what to do about it, in one line.
        choice: what to choose: `type`, `sheet` or `unit`; empty for anything else.
    """

    def __init__(self, place: Path | str, problem: str, choice: str = "") -> None:
        super().__init__(place, problem)
        self.choice = choice


class NoRoom(Unreadable):
    """Raised if this machine has no disk space for the rows of a file. An operator's fault."""
