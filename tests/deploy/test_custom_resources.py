"""Objects of the Prometheus operator and of KEDA, against their projects' own schemas."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.deploy.charts import Object, example, of_kind
from tests.deploy.known import needs_tools
from tests.deploy.tools import npm_packages

KINDS = ("ServiceMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication")
PACKAGES = ("@kubernetes-models/keda@0.4.2", "@kubernetes-models/prometheus-operator@6.0.0")


def complaints(found: list[Object]) -> list[str]:
    folder = npm_packages(*PACKAGES)
    # Node looks for packages beside the script.
    script = shutil.copy(Path(__file__).parent / "validate.mjs", folder)
    done = subprocess.run(
        ["node", script], input=json.dumps(found), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_tools
def test_their_projects_would_take_them() -> None:
    found = of_kind(example("production"), *KINDS)
    assert len(found) >= 3
    assert complaints(found) == []


@needs_tools
def test_a_wrong_one_is_found() -> None:
    (scaled,) = of_kind(example("production"), "ScaledObject")
    scaled["spec"]["maxReplicaCount"] = "four"
    assert len(complaints([scaled])) == 1
