"""A real Prometheus and a real Alertmanager beside the stack, as an operator would run them."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.cli.admin.probes import http_probe
from services.cli.local.child_process import Child, ChildGroup
from services.cli.local.ports import free_ports
from tests.e2e.running import RunningStack
from tests.monitoring.bundle import ROOT, RULES, program, root_of

READY_SECONDS = 30.0
ASK_SECONDS = 10.0
PATIENCE = {"> 14 * 86400": "> 1"}
"""Thresholds of days, made seconds. Nothing else of the rules is changed but `for`."""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    address: str

    def ask(self, path: str, **arguments: str) -> Any:
        """Answer of the API; fails when it is not a success."""
        query = urllib.parse.urlencode(arguments)
        url = f"http://{self.address}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:
            document = json.load(answer)
        assert document["status"] == "success", document
        return document["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Series that an expression gives now."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def firing(self) -> set[tuple[str, str]]:
        """Name, and service or institution, of the alerts that fire."""
        alerts = self.ask("alerts")["alerts"]
        return {
            (
                alert["labels"]["alertname"],
                alert["labels"].get("service") or alert["labels"].get("institution", ""),
            )
            for alert in alerts
            if alert["state"] == "firing"
        }


def hurried_rules() -> str:
    """The committed rules; what they wait for is shortened from minutes and days to seconds."""
    text = re.sub(r"^( +for:) .*$", r"\1 1s", RULES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for patient, hurried in PATIENCE.items():
        assert patient in text
        text = text.replace(patient, hurried)
    return text


def hurried_routes(smtp: str) -> str:
    """The committed routes; mails go to the test, and at once."""
    folder = ROOT / "deploy" / "alertmanager"
    document = yaml.load(
        (folder / "alertmanager.yml").read_text(encoding="utf-8"), yaml.CSafeLoader
    )
    document["global"] |= {"smtp_smarthost": smtp, "smtp_require_tls": False}
    for route in (document["route"], *document["route"]["routes"]):
        route["group_wait"] = "0s"
    document["route"]["group_interval"] = "1s"
    return yaml.safe_dump(document)


def scraping(stack: RunningStack, alertmanager: str, rules: Path) -> str:
    """Configuration of Prometheus: every process of the stack, every second."""
    targets = [process.http for process in stack.stack.processes.values() if process.http]
    return yaml.safe_dump(
        {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
            },
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": [{"job_name": "kieng", "static_configs": [{"targets": targets}]}],
        }
    )


@contextmanager
def watching(stack: RunningStack, smtp: str, folder: Path) -> Iterator[Prometheus]:
    """Run both until the block ends; skips when they cannot be had."""
    names = ("prometheus", "prometheus-alertmanager")
    prometheus, alertmanager = (program(name) for name in names)
    at, alerts_at = (f"127.0.0.1:{port}" for port in free_ports(2))
    rules, routes, config = (folder / f"{name}.yml" for name in ("rules", "routes", "prometheus"))
    rules.write_text(hurried_rules(), encoding="utf-8")
    routes.write_text(hurried_routes(smtp), encoding="utf-8")
    config.write_text(scraping(stack, alerts_at, rules), encoding="utf-8")
    sends = (
        *("env", "-C", str(root_of(alertmanager)), alertmanager),
        *(f"--config.file={routes}", f"--storage.path={folder / 'alerts'}"),
        *(f"--web.listen-address={alerts_at}", "--cluster.listen-address="),
    )
    scrapes = (
        *(prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}"),
        f"--web.listen-address={at}",
    )
    with ChildGroup() as supervisor:
        for name, argv, address in (
            ("alertmanager", sends, alerts_at),
            ("prometheus", scrapes, at),
        ):
            child = Child(name, argv, None, folder / f"{name}.log")
            supervisor.start(child, http_probe(address, "/-/ready"), READY_SECONDS)
        yield Prometheus(at)
