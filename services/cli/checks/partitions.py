"""Checks that the log has as many partitions as when the live view was built."""

from __future__ import annotations

from collections.abc import Sequence

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.admin.log_offsets import TOPIC
from services.cli.client.clients import Clients, Credential
from services.cli.client.stack import CONSORTIUM, Stack
from services.cli.client.troubles import CallFailed
from services.cli.errors import Failure

ROLES = ("operator", "viewer")
LIVE = catalogue_service_pb2.View.STATE_LIVE


def made_of(views: Sequence[catalogue_service_pb2.View]) -> int:
    """Return the number of partitions from which the live view was built; 0 if unknown."""
    return next((view.partitions for view in views if view.state == LIVE), 0)


def made_of_in(stack: Stack) -> int:
    """Return the number of partitions from which a stack's live view was built; 0 if unknown.

    It is unknown, too, if the views cannot be read.
    """
    try:
        with Clients(stack, Credential(stack, CONSORTIUM, ROLES)) as clients:
            request = catalogue_service_pb2.ListViewsRequest()
            return made_of(clients.stub(CatalogueServiceStub).ListViews(request).views)
    except (CallFailed, Failure):
        return 0


def mismatch(here: int, made: int) -> str:
    """Return in one line how the number of partitions differs from that of the live view.

    Empty if they are equal or one of them is unknown.

    Args:
        here: number of partitions of the log; 0 if unknown.
        made: number of partitions from which the live view was built; 0 if unknown.
    """
    if not here or not made or here == made:
        return ""
    return f"{TOPIC}: partitions is {here}, and the live view was made of {made}"


def remedy(here: int) -> str:
    """Return the command that rebuilds the live view from a log with ``here`` partitions."""
    return f"kieng log repartition {here}"
