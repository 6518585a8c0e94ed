"""Sets the yearly targets in a CSV file."""

from __future__ import annotations

import re
from pathlib import Path

from kieng.kpi.v1 import target_service_pb2 as api
from kieng.kpi.v1.target_service_pb2_grpc import TargetServiceStub
from services.cli.client.clients import Clients
from services.cli.errors import Failure
from services.importing import spreadsheets


def set_targets(clients: Clients, path: Path) -> int:
    """Set the targets in a CSV file in order, and return their number.

    The columns of the file are unit_id, indicator_code, year and value.

    Raises:
        Failure: a row is not valid or was refused; the message names it. Earlier targets stay set.
    """
    stub = clients.stub(TargetServiceStub)
    count = 0
    for number, row in spreadsheets.read_records(path):
        if not all(re.fullmatch(r"\d+", row[name]) for name in ("year", "value")):
            raise Failure(f"{path}:{number}: year and value are whole numbers")
        target = api.Target(
            unit_id=row["unit_id"],
            indicator_code=row["indicator_code"],
            year=int(row["year"]),
            value=int(row["value"]),
        )
        try:
            stub.SetTarget(api.SetTargetRequest(target=target))
        except Failure as failure:
            raise Failure(f"{path}:{number}: {failure.message}", failure.exit_code) from failure
        count += 1
    return count
