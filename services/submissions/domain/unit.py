"""The attributes of a directory unit on which the validity of a claim depends. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """When a unit existed, and which units preceded and succeeded it.

    ``first_day`` and ``last_day`` are calendar dates `YYYY-MM-DD`; the first is empty if unknown,
    the last while the unit exists.
    """

    last_day: str = ""
    successor_ids: tuple[str, ...] = ()
    first_day: str = ""
    predecessor_ids: tuple[str, ...] = ()

    def had_ended_by(self, day: str) -> bool:
        """Return True if the unit no longer existed on ``day`` (`YYYY-MM-DD`).

        It still existed on its last day; always False while it has none.
        """
        return bool(self.last_day) and day > self.last_day

    def began_after(self, day: str) -> bool:
        """Return True if the unit did not exist yet on ``day`` (`YYYY-MM-DD`).

        It already existed on its first day; always False if that is unknown.
        """
        return bool(self.first_day) and day < self.first_day

    @property
    def heirs(self) -> str:
        """The ids of the successors in the form for an error message, e.g. `vnu/a or vnu/b`.

        `the unit above it` if there are none.
        """
        return " or ".join(self.successor_ids) or "the unit above it"

    @property
    def forebears(self) -> str:
        """The ids of the predecessors, in the form of `heirs`.

        `the unit above it` if none are known.
        """
        return " or ".join(self.predecessor_ids) or "the unit above it"
