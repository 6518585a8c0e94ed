"""Whether numbers are to be trusted now, by the limits of the alerts that operators get."""

from __future__ import annotations

from dataclasses import dataclass

AMBER_SECONDS = 60
"""As KiengViewStale: the numbers were not compared with the database for a minute."""
RED_SECONDS = 300
"""As KiengLagHigh: what was submitted five minutes ago is not counted yet."""
GOOD, AMBER, RED = "good", "amber", "red"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the numbers; the word is a key of the texts."""

    level: str
    word: str


def troubles(log_trouble: str, parked: int, dead_services: int) -> list[Trouble]:
    """Return what is wrong with the numbers, worst first; empty if they are to be trusted.

    Args:
        log_trouble: why nothing more is folded into the view; empty if it is.
        parked: records that were set aside.
        dead_services: services that do not answer.
    """
    found = []
    if log_trouble:
        found.append(Trouble(RED, "log"))
    if dead_services:
        found.append(Trouble(RED, "down"))
    if parked:
        found.append(Trouble(AMBER, "parked"))
    return found


def level(found: list[Trouble]) -> str:
    """Return the worst level; `good` if nothing is wrong."""
    levels = [each.level for each in found]
    return next((each for each in (RED, AMBER) if each in levels), GOOD)
