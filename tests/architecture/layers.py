"""The order of the packages within a service, and the rules that keep it.

A table lists a service's layers from top to bottom. A layer holds packages, or modules beside
them, that know nothing of each other; each may import only from the layers below its own.

`python -m tests.architecture.layers` prints which package imports which.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.architecture.sources import imports, module_parts, python_files

Layers = Sequence[tuple[str, ...]]

LAYERS: Mapping[str, Layers] = {
    "cli": (
        ("main",),
        ("app",),
        ("commands",),
        ("checks",),
        ("local", "backups"),
        ("session", "admin"),
        ("client", "files", "documents"),
        ("completion", "errors", "lazy_group", "plain_options"),
        ("completion_words",),
        ("terminal",),
    ),
    "importing": (
        ("submission_file", "refused_rows", "template_book"),
        ("bibliographies", "submission_rows"),
        ("row_columns",),
        ("bibliography_process", "spreadsheets", "date_order", "evidence"),
        ("bibliography_formats",),
        ("unit_names",),
        ("csv_file", "xlsx_file", "field_values", "refused_cells"),
        ("xlsx_marks", "headings", "batches", "kept_requests"),
        ("number_formats",),
        ("cells", "column_aliases"),
        (
            "errors",
            "latex_letters",
            "legacy_text",
            "money",
            "texts",
            "shares",
            "written_dates",
            "xlsx_book",
            "event_previews",
        ),
    ),
    "portal": (
        ("service",),
        ("application", "server"),
        ("pages", "api"),
        ("answering",),
        ("site",),
        ("fact_texts",),
        ("sessions", "catalogues", "pieces", "renewals", "forms", "broadcasts", "uploads"),
        ("providers", "numbers"),
        ("trial", "calls", "wire", "texts", "protection", "sign_in_providers"),
        ("loop",),
        ("config", "metrics", "domain"),
    ),
    "kpi": (
        ("service",),
        ("api",),
        ("providers",),
        ("editions",),
        ("query", "what_if"),
        ("offline", "replay", "rebuild"),
        ("projection",),
        ("process", "schema", "slot"),
        ("store",),
        ("wire", "config"),
        ("domain", "log", "oracle", "metrics", "heap", "signing"),
    ),
}


def modules_of(root: Path, service: str) -> dict[str, Path]:
    """The modules of a service below its own `__init__`: dotted name -> file."""
    found = {
        ".".join(module_parts(root, path)): path
        for path in python_files(root / "services" / service)
    }
    found.pop(f"services.{service}", None)
    return found


def imported_modules(
    root: Path, modules: Mapping[str, Path], name: str
) -> Iterator[tuple[int, str]]:
    """Line and name of each of these modules that one of them imports."""
    for line, target in imports(root, modules[name]):
        parts = target.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 2, -1))
        found = next((prefix for prefix in prefixes if prefix in modules), None)
        if found is not None and found != name:
            yield line, found


def packages_keep_their_order(root: Path, tables: Mapping[str, Layers] = LAYERS) -> list[str]:
    """Each import leads into the own package or into a lower layer; the table is complete."""
    found = []
    for service, layers in tables.items():
        modules = modules_of(root, service)
        depth = {package: row for row, layer in enumerate(layers) for package in layer}
        there = {name.split(".")[2] for name in modules}
        found += [f"services/{service}/{name}: has no layer" for name in sorted(there - set(depth))]
        found += [f"services/{service}/{name}: is gone" for name in sorted(set(depth) - there)]
        for name, path in modules.items():
            own = name.split(".")[2]
            for line, target in imported_modules(root, modules, name):
                other = target.split(".")[2]
                is_known = own in depth and other in depth
                if own != other and is_known and depth[other] <= depth[own]:
                    where = f"{path.relative_to(root)}:{line}"
                    found.append(f"{where}: {own} imports {target}, which is not below it")
    return found


def modules_have_no_cycle(root: Path, tables: Mapping[str, Layers] = LAYERS) -> list[str]:
    """No module imports itself by way of others, within its package either."""
    found = []
    for service in tables:
        modules = modules_of(root, service)
        below = {
            name: {target for _, target in imported_modules(root, modules, name)}
            for name in modules
        }
        # What imports only what was taken away is on no cycle.
        while free := [name for name, targets in below.items() if not targets & below.keys()]:
            for name in free:
                del below[name]
        found += [
            f"{modules[name].relative_to(root)}: is on a cycle by way of {target}"
            for name, targets in sorted(below.items())
            for target in sorted(targets & below.keys())
        ]
    return found


def drawing(root: Path, service: str) -> Iterator[str]:
    """A line for each package, from top to bottom: what it imports of the others."""
    modules = modules_of(root, service)
    below: dict[str, set[str]] = {}
    for name in modules:
        targets = {target.split(".")[2] for _, target in imported_modules(root, modules, name)}
        below.setdefault(name.split(".")[2], set()).update(targets)
    for package in (package for layer in LAYERS[service] for package in layer):
        targets = below.get(package, set()) - {package}
        yield f"{package} -> {', '.join(sorted(targets)) or '-'}"


def main() -> int:
    """Print the arrows of every service; exit 1 when one leads up or round."""
    root = Path(__file__).resolve().parents[2]
    for service in LAYERS:
        print(f"services/{service}", *drawing(root, service), sep="\n  ")
    violations = packages_keep_their_order(root) + modules_have_no_cycle(root)
    print(*violations, sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
