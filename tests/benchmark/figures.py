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
