"""`kieng proposal show` can read what a proposal carries, though nothing else was imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

REQUESTS = (
    "kieng.directory.v1.PublishDirectoryRequest",
    "kieng.kpi.v1.OpenLogGenerationRequest",
    "kieng.kpi.v1.PublishCatalogueRequest",
    "kieng.kpi.v1.RollBackCatalogueRequest",
    "kieng.partners.v1.RegisterPartnerRequest",
)
PROGRAM = """
import sys
from importlib import import_module
from google.protobuf import descriptor_pool
from services.cli.commands.proposal import PAYLOADS

for module in PAYLOADS:
    import_module(module)
descriptor_pool.Default().FindMessageTypeByName(sys.argv[1])
"""


@pytest.mark.parametrize("request_name", REQUESTS)
def test_the_request_of_a_proposal_is_known(request_name: str) -> None:
    command = [sys.executable, "-c", PROGRAM, request_name]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
