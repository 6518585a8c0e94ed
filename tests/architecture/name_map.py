"""Where each module of services/ is tested: by its name, by an import, or by a row of the map.

A stranger looks for the tests of `services/kpi/domain/fold.py` in a `test_fold.py` of kpi. Modules
of a domain hold the rules, so each has such a module of its name. For any other it is enough that
a test module imports it, or that `name_map.toml` says where it is tested.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from tests.architecture.sources import imports, python_files

FILE = Path(__file__).with_suffix(".toml")
Rows = Mapping[str, list[str]]


def rows() -> Rows:
    found: Rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return found


def modules(root: Path) -> list[str]:
    """Every module below services/, such as `kpi/domain/fold`; packages themselves hold no code."""
    services = root / "services"
    paths = [path.relative_to(services).with_suffix("") for path in python_files(services)]
    return [path.as_posix() for path in paths if path.name not in ("__init__", "__main__")]


def mistakes(root: Path, known: Rows) -> list[str]:
    """Modules of which nobody can tell where they are tested, and rows that are stale."""
    by_name, imported = _named(root), _imported(root)
    found, needed = [], set[str]()
    for module in modules(root):
        if (module.partition("/")[0], Path(module).name) in by_name:
            continue
        if "domain" in module.split("/")[:-1]:
            found.append(f"{module}: a rule needs a test module of its name")
        elif module not in imported:
            row = next((key for key in known if f"{module}/".startswith(f"{key}/")), None)
            if row is None:
                found.append(
                    f"{module}: write test_{Path(module).name}.py, or a row in {FILE.name}"
                )
            else:
                needed.add(row)
    found += [f"{key}: no module needs this row" for key in known if key not in needed]
    return found + [
        f"{key}: there is no tests/{place}"
        for key, places in known.items()
        for place in places
        if not (root / "tests" / place).exists()
    ]


def _test_modules(root: Path) -> list[Path]:
    return [path for path in python_files(root / "tests") if path.name.startswith("test_")]


def _named(root: Path) -> set[tuple[str, str]]:
    """Service and name of every test module: tests/unit/kpi/domain/test_fold.py is kpi's fold."""
    found = set()
    for path in _test_modules(root):
        parts = path.relative_to(root / "tests").parts
        found |= {(part, path.stem.removeprefix("test_")) for part in parts[:-1]}
    return found


def _imported(root: Path) -> set[str]:
    found = set()
    for path in _test_modules(root):
        for _, name in imports(root, path):
            parts = name.split(".")
            if parts[0] == "services":
                found |= {"/".join(parts[1:end]) for end in range(2, len(parts) + 1)}
    return found
