"""Writes alertmanager.yml: routes and a receiver for each institution of the directory.

.venv/bin/python deploy/alertmanager/generate.py           # writes it
.venv/bin/python deploy/alertmanager/generate.py --check   # exit 1 when it is not current
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
UNITS = HERE.parent / "directory" / "units.yaml"
RECEIVERS = HERE / "receivers.yaml"
TARGET = HERE / "alertmanager.yml"
HEAD = "# Written by generate.py from receivers.yaml and the institutions of units.yaml.\n"

INHIBITED = {
    "KiengBrokerDown": (
        *("KiengConsumerStuck", "KiengLagMissing", "KiengLagUnknown", "KiengOutboxWaiting"),
        *("KiengPartnersNotPublished", "KiengRebalancing", "KiengCommitsRefused"),
    ),
    "KiengDatabaseDown": (
        *("KiengViewStale", "KiengGrpcErrors", "KiengGrpcSlow", "KiengFlushSlow"),
        *("KiengConsumerStuck", "KiengDatabaseConnectionsFull"),
    ),
    "KiengLogDiverged": ("KiengConsumerStuck", "KiengLagHigh", "KiengPositionOutsideLog"),
}
"""Cause -> what follows from it and is not told beside it."""

DEAD_MAN = {
    "matchers": ['severity="none"'],
    "receiver": "watchdog",
    "group_wait": "0s",
    "repeat_interval": "1h",
}
URGENT = {
    "matchers": ['severity="critical"'],
    "receiver": "operators",
    "group_wait": "10s",
    "repeat_interval": "1h",
}
TICKET_AGAIN = "4d"
"""A ticket is told again before Alertmanager forgets that it was told, by default in 120 hours."""
REST = {"matchers": ['severity=~"warning|ticket"'], "receiver": "operators"}


def institutions(units: Path = UNITS) -> list[str]:
    """Return the ids of the institutions, in the order of the directory."""
    listed = yaml.load(units.read_text(encoding="utf-8"), yaml.CSafeLoader)["units"]
    return [unit["unit_id"] for unit in listed if unit["kind"] == "institution"]


def routes_of(name: str) -> list[dict[str, Any]]:
    """Return an institution's routes: a ticket is its own matter, the rest operators hear, too."""
    own = {"receiver": f"institution-{name}"}
    ticket = [f'institution="{name}"', 'severity="ticket"']
    return [
        {"matchers": ticket, **own, "repeat_interval": TICKET_AGAIN},
        {"matchers": ticket[:1], **own, "continue": True},
    ]


def configuration(names: list[str], told: dict[str, Any]) -> dict[str, Any]:
    """Return what Alertmanager is to do."""
    given = told.get("institutions", {})
    addresses = {"operators": told["operators"], "watchdog": told["watchdog"]}
    for name in names:
        addresses[f"institution-{name}"] = given.get(name) or [f"kpi@{name}.example"]
    to_institutions = [route for name in names for route in routes_of(name)]
    return {
        "global": {f"smtp_{key}": value for key, value in told["smtp"].items()},
        "route": {
            "receiver": "operators",
            "group_by": ["namespace", "alertname", "institution", "service"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [DEAD_MAN, *to_institutions, URGENT, REST],
        },
        "receivers": [
            {"name": name, "email_configs": [{"to": to, "send_resolved": True} for to in found]}
            for name, found in addresses.items()
        ],
        "inhibit_rules": [
            {
                "source_matchers": [f'alertname="{cause}"'],
                "target_matchers": [f'alertname=~"{"|".join(effects)}"'],
                # The outage of one installation is no reason for the silence of another.
                "equal": ["namespace"],
            }
            for cause, effects in INHIBITED.items()
        ],
    }


def text() -> str:
    """Return the file as it should be."""
    told = yaml.load(RECEIVERS.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return HEAD + yaml.safe_dump(configuration(institutions(), told), sort_keys=False, width=120)


def main() -> int:
    """Write or check the file; return the exit code."""
    parser = argparse.ArgumentParser(description="Writes alertmanager.yml.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    if parser.parse_args().check:
        return int(TARGET.read_text(encoding="utf-8") != text())
    TARGET.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
