"""What is wrong with a file that cannot be read."""

from __future__ import annotations

from pathlib import Path


class Unreadable(Exception):
    """Raised if a file cannot be read. Its author's fault.

    Args:
        place: the file, with the number of a row if only that is wrong: `receipt.csv:7`.
        problem: what is wrong and what to do about it, in one line.
    """

    def __init__(self, place: Path | str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = str(place)
        self.problem = problem

    def __str__(self) -> str:
        """Return place and problem in one line."""
        return f"{self.place}: {self.problem}" if self.place else self.problem


class Unclear(Unreadable):
    """Raised if a file cannot be read as asked: another one, or a choice, is needed.

    Args:
        place: the file.
        problem: what is wrong and what to do about it, in one line.
        choice: what has to be chosen: `type`, `sheet` or `unit`; empty if nothing would help.
    """

    def __init__(self, place: Path | str, problem: str, choice: str = "") -> None:
        super().__init__(place, problem)
        self.choice = choice


class NoRoom(Unreadable):
    """Raised if the rows of a file find no room on this machine. Not its author's fault."""
