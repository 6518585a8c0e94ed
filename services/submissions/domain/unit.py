"""The part of a directory unit that a claim depends on. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """The validity, successors and predecessors of a unit.

    ``last_day`` is a calendar date, empty while the unit exists; ``successor_ids`` took over.
    ``first_day`` is one, too, empty if unknown; ``predecessor_ids`` ended in favour of the unit.
    """

    last_day: str = ""
    successor_ids: tuple[str, ...] = ()
    first_day: str = ""
    predecessor_ids: tuple[str, ...] = ()

    def had_ended_by(self, day: str) -> bool:
        """Return True if the unit no longer existed on a calendar date."""
        return bool(self.last_day) and day > self.last_day

    def began_after(self, day: str) -> bool:
        """Return True if the unit did not exist yet on a calendar date."""
        return bool(self.first_day) and day < self.first_day

    @property
    def heirs(self) -> str:
        """Return the successors as text."""
        return " or ".join(self.successor_ids) or "the unit above it"

    @property
    def forebears(self) -> str:
        """Return the predecessors as text."""
        return " or ".join(self.predecessor_ids) or "the unit above it"
