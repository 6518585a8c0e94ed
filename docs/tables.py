"""Writes the tables of the documentation that stand in the code already.

    .venv/bin/python docs/tables.py           # writes them into the pages
    .venv/bin/python docs/tables.py --check   # exit 1 when a page is not current

A page marks the place with `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from services import definitions
from services.cli.files import catalogue_yaml
from services.texts import Lang

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CHART = ROOT / "helm" / "kieng"
MISSING = object()
LEAVES = {"#/$defs/resources", "#/$defs/affinity"}
PLACE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
SERVICES = (
    "kernel",
    "submissions",
    "partners",
    "kpi",
    "notifications",
    "exporter",
    "portal",
)
READ_BY = {"kernel": "every service"}


def settings() -> str:
    """Return every setting of every service, from the settings classes."""
    rows: list[tuple[str, ...]] = []
    for service in SERVICES:
        config = importlib.import_module(f"services.{service}.config")
        settings_class = config.KernelSettings if service == "kernel" else config.Settings
        shown = READ_BY.get(service, service)
        for name, text in attribute_docstrings(settings_class).items():
            field = settings_class.model_fields[name]
            default = "required" if field.is_required() else f"`{_plain(field.default)}`"
            rows.append((f"`KIENG_{name.upper()}`", shown, default, text))
    return table(("Variable", "Read by", "Default", "Meaning"), rows)


def metrics() -> str:
    """Return every metric of every service by the name that a scrape shows."""
    rows: list[tuple[str, ...]] = []
    for service in SERVICES:
        for metric in metrics_of(service):
            name = metric._name + ("_total" if metric._type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "-"
            shown = READ_BY.get(service, service)
            rows.append((f"`{name}`", metric._type, labels, shown, metric._documentation))
    return table(("Metric", "Type", "Labels", "Of", "Meaning"), rows)


def metrics_of(service: str) -> list[Any]:
    """Return the metrics that a service declares, in order."""
    declared = vars(importlib.import_module(f"services.{service}.metrics")).values()
    return [value for value in declared if isinstance(value, MetricWrapperBase)]


def indicators() -> str:
    """Return the indicators of the catalogue that `kieng up` publishes."""
    deployed = catalogue_yaml.read(ROOT / "deploy" / "catalogue" / "indicators.yaml")
    rows: list[tuple[str, ...]] = [
        (
            indicator.code,
            indicator.name.vi,
            indicator.name.en,
            indicator.unit,
            definitions.words(indicator, Lang.en.value),
            ", ".join(f"`{cut}`" for cut in indicator.cuts) or "-",
        )
        for indicator in deployed.indicators
    ]
    return table(("Code", "Tên", "Name", "Unit", "Counts", "Cuts"), rows)


def attribute_docstrings(cls: type) -> dict[str, str]:
    """Return field -> the text under it, on one line, in the order of the class."""
    (body,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def _plain(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) or "empty"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def chart_values() -> str:
    """Return the table of the chart's values: the schema's meaning, the defaults of values.yaml."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    defaults = yaml.load((CHART / "values.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    rows = list(_values(schema, schema, defaults, ""))
    return table(("Key", "Type", "Default", "Meaning"), rows)


def _values(
    schema: dict[str, Any], node: dict[str, Any], default: Any, path: str
) -> Iterator[tuple[str, ...]]:
    for key, child in _resolved(schema, node)["properties"].items():
        below = default.get(key, MISSING) if isinstance(default, dict) else MISSING
        if path.startswith("services.") and below is MISSING:
            # The same for every service, and told once, under `services.NAME`.
            if not path.startswith("services.NAME."):
                continue
        elif path.startswith("services.NAME."):
            continue
        full = _resolved(schema, child)
        if full.get("additionalProperties") is False and child.get("$ref") not in LEAVES:
            yield from _values(schema, child, below, f"{path}{key}.")
        else:
            shown = "" if below is MISSING else f"`{json.dumps(below, ensure_ascii=False)}`"
            yield f"`{path}{key}`", _kind(full), shown, full["description"]
    if path == "services.":
        yield from _values(schema, {"$ref": "#/$defs/service"}, MISSING, "services.NAME.")


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    return {**schema["$defs"].get(node.get("$ref", "").removeprefix("#/$defs/"), {}), **node}


def _kind(node: dict[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    kind = node["type"]
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    low, high = node.get("minimum"), node.get("maximum")
    return text + (f" from {low}" if low is not None else "") + (f" to {high}" if high else "")


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "metrics": metrics,
    "indicators": indicators,
    "chart-values": chart_values,
}


def pages() -> Iterator[tuple[Path, str, str]]:
    """Yield every page with a table: path, text as it is, text as it should be."""
    for path in [*sorted(DOCS.rglob("*.md")), CHART / "README.md"]:
        text = path.read_text(encoding="utf-8")
        new = PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place[2]]()}\n{place[3]}", text)
        if PLACE.search(text):
            yield path, text, new


def main() -> int:
    """Write or check the tables; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Writes generated tables into docs/ and the chart."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    check = parser.parse_args().check
    stale = [(path, new) for path, old, new in pages() if old != new]
    for path, new in stale:
        print(f"{path.relative_to(ROOT)}: {'is not current' if check else 'written'}")
        if not check:
            path.write_text(new, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
