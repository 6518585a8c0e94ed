"""Decides whether the numbers can be trusted now, by the same limits as the operators' alerts."""

from __future__ import annotations

from dataclasses import dataclass

AMBER_SECONDS = 60
"""Limit of alert KiengViewStale: the view was not compared with the database for a minute."""
RED_SECONDS = 300
"""Limit of alert KiengLagHigh: what was submitted five minutes ago is not counted yet."""
GOOD, AMBER, RED = "good", "amber", "red"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that makes the numbers less trustworthy.

    Args:
        level: `amber` or `red`.
        word: key of the text that describes it: `log`, `down` or `parked`.
    """

    level: str
    word: str


def troubles(log_trouble: str, parked: int, dead_services: int) -> list[Trouble]:
    """Return why the numbers cannot be fully trusted now, worst first; empty if they can.

    Parked records (records that could not be counted) are `amber`, all else is `red`. The result
    has at most one trouble of each kind.

    Args:
        log_trouble: why no further events reach the view; empty if they do.
        parked: number of parked records.
        dead_services: number of services that do not answer.
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
    """Return the worst level of some troubles, `red` or `amber`; `good` if there are none."""
    levels = [each.level for each in found]
    return next((each for each in (RED, AMBER) if each in levels), GOOD)
