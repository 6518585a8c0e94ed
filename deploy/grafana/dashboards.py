"""Writes the four dashboards to helm/kieng/files/grafana-dashboards, their only place.

.venv/bin/python deploy/grafana/dashboards.py           # writes them
.venv/bin/python deploy/grafana/dashboards.py --check   # exit 1 when a file is not current
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

sys.path.insert(0, str(Path(__file__).resolve().parent))
from boards.capacity import capacity
from boards.kafka import kafka
from boards.kpi import kpi
from boards.services import services

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "helm" / "kieng" / "files" / "grafana-dashboards"


def encode(made: Dashboard) -> str:
    """Return a dashboard as Grafana reads it, with a number for each panel."""
    document = json.loads(JSONEncoder().encode(made.build()))
    for place, panel in enumerate(document["panels"], start=1):
        panel["id"] = place
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files() -> dict[Path, str]:
    """Return every file as it should be."""
    made = {"kpi": kpi(), "services": services(), "kafka": kafka(), "capacity": capacity()}
    return {FOLDER / f"{name}.json": encode(each) for name, each in made.items()}


def main() -> int:
    """Write or check the files; return the exit code."""
    parser = argparse.ArgumentParser(description="Writes the dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    check = parser.parse_args().check
    wanted = files()
    is_stale = {p.name for p in FOLDER.glob("*.json")} != {p.name for p in wanted}
    for path, text in wanted.items():
        is_stale |= not path.exists() or path.read_text(encoding="utf-8") != text
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and is_stale)


if __name__ == "__main__":
    sys.exit(main())
