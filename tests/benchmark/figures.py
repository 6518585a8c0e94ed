"""What was measured: figures with a unit and a number of samples, as JSON and as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number; ``config`` says under which circumstances."""

    name: str
    value: float
    unit: str
    samples: int = 1
    config: dict[str, Any] = field(default_factory=dict)


def quantiles(name: str, seconds: Sequence[float], **config: Any) -> list[Figure]:
    """Return p50 and p99 of times, in milliseconds."""
    ordered = sorted(seconds)
    found = []
    for share in (50, 99):
        value = ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000
        found.append(Figure(f"{name} p{share}", value, "ms", len(ordered), config))
    return found


@dataclass(frozen=True)
class Target:
    """What a ratio is wanted to be: at most or at least a value."""

    value: float
    is_least: bool = False

    def __str__(self) -> str:
        """Return it as `<= 0.5`."""
        return f"{'>=' if self.is_least else '<='} {self.value:g}"

    def is_met(self, value: float) -> bool:
        """Tell whether a value is as wanted."""
        return value >= self.value if self.is_least else value <= self.value

    def judged(self, name: str, value: float, floor: float | None = None) -> Figure:
        """Return a ratio beside its target, with the verdict.

        Args:
            name: what is measured.
            value: the ratio.
            floor: the same ratio of a loop that does only what must be done, which no program can
                beat; None if there is no such loop.
        """
        told = {"target": str(self)}
        if floor is not None:
            told["floor"] = f"{floor:.2g}"
        if self.is_met(value):
            verdict = "reached"
        elif floor is not None and not self.is_met(floor):
            verdict = "not reachable: floor"
        else:
            verdict = "not reached"
        return Figure(name, value, "x", 1, {**told, "verdict": verdict})


def write(figures: Iterable[Figure], path: Path) -> None:
    """Write all figures as one JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


def show(figures: Iterable[Figure], console: Console) -> None:
    """Print all figures, one a line."""
    table = Table("figure", "value", "unit", "samples", "circumstances")
    for column in table.columns[1:4]:
        column.justify = "right"
    for figure in figures:
        told = ", ".join(f"{key} {value}" for key, value in figure.config.items())
        table.add_row(figure.name, _rounded(figure.value), figure.unit, str(figure.samples), told)
    console.print(table)


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
