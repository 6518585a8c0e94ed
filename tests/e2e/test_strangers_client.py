"""The client of docs/integrating.md, health and reflection: all that a stranger needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.e2e.running import RunningStack
from tests.waiting import wait_until

DOCUMENT = Path(__file__).parents[2] / "docs" / "integrating.md"
SERVICES = {
    "partners": {
        "kieng.directory.v1.DirectoryService",
        "kieng.partners.v1.PartnerService",
        "kieng.proposals.v1.ProposalService",
    },
    "submissions": {
        "kieng.submissions.v1.ImportService",
        "kieng.submissions.v1.LogService",
        "kieng.submissions.v1.ReviewService",
        "kieng.submissions.v1.SubmissionService",
    },
    "kpi": {
        "kieng.kpi.v1.CatalogueService",
        "kieng.kpi.v1.EditionService",
        "kieng.kpi.v1.KpiService",
        "kieng.kpi.v1.ParkedService",
        "kieng.kpi.v1.TargetService",
        "kieng.proposals.v1.ProposalService",
    },
    "notifications": {"kieng.notifications.v1.NotificationService"},
}


def test_the_client_in_the_documentation_submits_and_reads(stack: RunningStack) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, "the client is the only Python of the page"
    environment = {
        **os.environ,
        "KIENG_TOKEN": stack.token("vnu", "contributor"),
        "KIENG_SUBMISSIONS_ADDRESS": stack.stack.address("submissions"),
        "KIENG_KPI_ADDRESS": stack.stack.address("kpi"),
    }
    done = subprocess.run(
        (sys.executable, "-c", blocks[0]),
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'work_key: "doi:10.5555/client.1"' in done.stdout
    assert "state: STATE_SUBMITTED" in done.stdout
    assert 'indicator_code: "KNW-03"' in done.stdout

    def counted() -> bool:
        (cell,) = stack.kpis(["vnu"], "2023-01", "2023-12", "KNW-03")["cells"]
        return bool(cell["declared"] == 1)

    wait_until(counted, 60, "the client's article is counted")


@pytest.mark.parametrize("service", SERVICES)
def test_reflection_lists_the_services_and_health_says_serving(
    stack: RunningStack, service: str
) -> None:
    with stack.channel(service) as channel:
        names = set(ProtoReflectionDescriptorDatabase(channel).get_services())
        assert {name for name in names if name.startswith("kieng.")} == SERVICES[service]
        request = health_pb2.HealthCheckRequest()
        stub: Any = health_pb2_grpc.HealthStub(channel)
        status = stub.Check(request, timeout=5).status
    assert status == health_pb2.HealthCheckResponse.SERVING


def test_the_doctor_finds_nothing_wrong(stack: RunningStack) -> None:
    answer = stack.run("doctor", "--output", "json")
    assert answer.json["ok"], answer.out
