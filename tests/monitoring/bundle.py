"""What the monitoring bundle consists of: rules, dashboards, runbooks, and every query in them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "helm" / "kieng" / "files" / "prometheus-rules.yaml"
DASHBOARDS = ROOT / "helm" / "kieng" / "files" / "grafana-dashboards"
RUNBOOKS = ROOT / "docs" / "runbooks"
PACKAGES = ROOT / "build" / "debian"
PACKAGE_OF = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}
FETCH_SECONDS = 120
TEMPLATES = "/usr/share/prometheus/alertmanager"
"""Where Debian's Alertmanager has its templates."""


@dataclass(frozen=True)
class Query:
    """One PromQL expression and where it stands."""

    place: str
    text: str


def rules() -> list[dict[str, Any]]:
    document = yaml.load(RULES.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return [rule for group in document["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def dashboards() -> dict[str, dict[str, Any]]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(DASHBOARDS.glob("*.json"))
    }


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Panels with data, those inside rows included."""
    for panel in dashboard["panels"]:
        yield from (p for p in (panel, *panel.get("panels", ())) if p["type"] != "row")


def panel_queries() -> list[Query]:
    return [
        Query(f"{name}: {panel['title']}", target["expr"])
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def rule_queries() -> list[Query]:
    return [Query(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def program(name: str) -> str:
    """Path of a program of Prometheus: from PATH, else from Debian's package, else skip."""
    if found := shutil.which(name) or shutil.which(name.removeprefix("prometheus-")):
        return found
    folder = PACKAGES / PACKAGE_OF[name]
    inside = folder / "usr" / "bin" / name
    if not inside.exists():
        fetch(PACKAGE_OF[name], folder)
    if not inside.exists():
        pytest.skip(f"{name} is not on PATH, and apt has no package {PACKAGE_OF[name]}")
    return str(inside)


def fetch(package: str, folder: Path) -> None:
    """Unpack a Debian package without installing it; leaves nothing when there is no apt."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return
    folder.mkdir(parents=True, exist_ok=True)
    told = {"cwd": folder, "capture_output": True, "check": False, "timeout": FETCH_SECONDS}
    download, update = ["apt-get", "download", package], ["apt-get", "update"]
    for command in (download, update, download):
        if not list(folder.glob("*.deb")):
            subprocess.run(command, **told)  # type: ignore[call-overload]
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive.name, "."], **told)  # type: ignore[call-overload]
    for program in (folder / "usr" / "bin").glob("*"):
        # It is not installed, so its templates are below the folder that it is started in.
        found, here = TEMPLATES.encode(), f"{TEMPLATES[1:]}/".encode()
        program.write_bytes(program.read_bytes().replace(found, here))


def root_of(program: str) -> Path:
    """Folder that a program of Prometheus has to be started in: what it takes for `/`."""
    return Path(program).parents[2]


def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of Prometheus and return what it said."""
    command = [program(name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def substituted(text: str, unit: str = "consortium") -> str:
    """Return a panel's query as Grafana sends it when everything is chosen."""
    text = text.replace("$__rate_interval", "1m").replace("$unit", unit)
    return re.sub(r"\$\w+", ".*", text)


def variable_queries() -> list[tuple[str, str]]:
    """Metric and label of every variable that asks Prometheus for its choices."""
    found = []
    for board in dashboards().values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"])
                assert match is not None, variable["query"]
                found.append((match[1], match[2]))
    return found
