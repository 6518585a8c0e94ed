"""A unit as the directory knows it, as far as a claim depends on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """What a claim asks of its unit.

    ``last_day`` is a calendar date, empty while the unit exists; ``successor_ids`` took over.
    """

    last_day: str = ""
    successor_ids: tuple[str, ...] = ()

    def had_ended_by(self, day: str) -> bool:
        """Tell whether the unit existed no more on a calendar date."""
        return bool(self.last_day) and day > self.last_day

    @property
    def heirs(self) -> str:
        """Return who took over, in words."""
        return " or ".join(self.successor_ids) or "the unit above it"
