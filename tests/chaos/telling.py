"""What the rounds came to, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass
class Round:
    """One fault and what was found after it."""

    partitions: int
    fault: str
    hit: bool = False
    """Whether every partition that the victim held got a new owner."""
    recovery: float = 0.0
    """Seconds until a record that was acknowledged after the fault was counted in all of them."""
    frozen: float = 0.0
    refused: int = 0
    acknowledged: int = 0
    lost: int = 0
    cells: int = 0
    wrong: int = 0
    reads: int = 0
    impossible: int = 0


COUNTS = {
    "former owners' flushes refused": "refused",
    "records acknowledged": "acknowledged",
    "of them lost": "lost",
    "cells compared": "cells",
    "of them wrong": "wrong",
    "reads checked": "reads",
    "of them impossible": "impossible",
}


def show(rounds: Sequence[Round]) -> None:
    """Print a column for each fault on each number of partitions, and one for all."""
    groups = {"all": list(rounds)}
    for one in sorted(rounds, key=lambda one: (one.fault, one.partitions)):
        name = f"{one.fault},\n{one.partitions} partition{'s'[: one.partitions - 1]}"
        groups.setdefault(name, []).append(one)
    groups["all"] = groups.pop("all")
    table = Table("owners hit while others write and read")
    for name in groups:
        table.add_column(name, justify="right")
    figures = [_figures(some) for some in groups.values()]
    for name in figures[0]:
        table.add_row(name, *(each[name] for each in figures), end_section=name == "frozen, least")
    console = Console(width=120)
    console.print()
    console.print(table)
    recovery = " ".join(f"{seconds:.1f}" for seconds in _recovery(rounds))
    console.print(f"recovery after owners were hit, in seconds: {recovery or 'none'}")


def _figures(rounds: Sequence[Round]) -> dict[str, str]:
    recovery, frozen = _recovery(rounds), [one.frozen for one in rounds if one.frozen]
    told = {"rounds": str(len(rounds)), "owners hit": str(len(recovery))}
    for name, tenths in (("p50", 5), ("p90", 9), ("max", 10)):
        place = min(len(recovery) - 1, len(recovery) * tenths // 10)
        told[f"recovery, {name}"] = f"{recovery[place]:.1f} s" if recovery else "-"
    told["frozen, least"] = f"{min(frozen):.1f} s" if frozen else "-"
    for name, attribute in COUNTS.items():
        told[name] = f"{sum(getattr(one, attribute) for one in rounds):,}"
    return told


def _recovery(rounds: Sequence[Round]) -> list[float]:
    return sorted(one.recovery for one in rounds if one.hit)
