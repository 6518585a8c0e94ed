"""The order of the packages of a service: each may import only what stands below it.

`python -m tests.architecture.layers` prints the arrows between the packages as they are now.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.architecture.sources import imports, module_parts, python_files

LAYERS: dict[str, list[tuple[str, ...]]] = {
    "kpi": [
        ("service",),
        ("api",),
        ("providers",),
        ("editions",),
        ("query", "what_if"),
        ("offline", "replay", "rebuild"),
        ("projection",),
        ("process", "schema"),
        ("store",),
        ("wire", "config"),
        ("domain", "log", "oracle", "metrics", "heap", "signing"),
    ],
}
"""Service -> layers from top to bottom; packages of one layer do not import each other."""

Arrow = tuple[str, str]


def arrows(root: Path, service: str) -> dict[Arrow, list[str]]:
    """Return who imports whom among the packages of a service, and where.

    Returns:
        (importing package, imported package) -> places, each `file:line: imports name`.
    """
    found: dict[Arrow, list[str]] = defaultdict(list)
    for path in python_files(root / "services" / service):
        own = module_parts(root, path)[2:3]
        for line, name in imports(root, path):
            top, *rest = name.split(".")
            if not own or top != "services" or rest[:1] != [service] or len(rest) < 2:
                continue
            if rest[1] != own[0]:
                place = f"{path.relative_to(root)}:{line}: imports {name}"
                found[own[0], rest[1]].append(place)
    return dict(found)


def packages_keep_their_order(
    root: Path, layers: Mapping[str, list[tuple[str, ...]]] = LAYERS
) -> list[str]:
    """Return every import that goes up or sideways, and every package without a layer."""
    return [
        text
        for service, order in layers.items()
        if (root / "services" / service).exists()
        for text in _violations(root, service, order)
    ]


def _violations(root: Path, service: str, order: list[tuple[str, ...]]) -> Iterator[str]:
    depth = {package: number for number, layer in enumerate(order) for package in layer}
    for (importing, imported), places in sorted(arrows(root, service).items()):
        for package in (importing, imported):
            if package not in depth:
                yield f"{places[0]}; {package} has no layer in tests/architecture/layers.py"
                break
        else:
            if depth[importing] >= depth[imported]:
                yield from (f"{place}, which does not stand below {importing}" for place in places)


def drawing(root: Path, service: str) -> Iterator[str]:
    """Yield a line per package, from top to bottom: what it imports."""
    found = arrows(root, service)
    for layer in LAYERS[service]:
        for package in layer:
            below = sorted(imported for importing, imported in found if importing == package)
            yield f"{package} -> {', '.join(below) or '-'}"


def main() -> int:
    """Print the arrows of all services; exit 1 when some point the wrong way."""
    root = Path(__file__).resolve().parents[2]
    for service in LAYERS:
        print(f"services/{service}", *drawing(root, service), sep="\n  ")
    violations = packages_keep_their_order(root)
    print(*violations, sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
