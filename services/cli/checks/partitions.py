"""Checks that the log has as many partitions as the live view was made of."""

from __future__ import annotations

from collections.abc import Sequence

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from services.cli.admin.log_offsets import TOPIC
from services.cli.client.clients import Clients, Credential
from services.cli.client.local_issuer import CONSORTIUM
from services.cli.client.stack import Stack
from services.cli.errors import CallFailed, Failure

ROLES = ("operator", "viewer")
LIVE = catalogue_service_pb2.View.STATE_LIVE


def made_of(views: Sequence[catalogue_service_pb2.View]) -> int:
    """Return of how many partitions the live view was made; 0 if it is not known."""
    return next((view.partitions for view in views if view.state == LIVE), 0)


def made_of_in(stack: Stack) -> int:
    """Return the same by asking the stack; 0 also without a token or a service that answers."""
    try:
        with Clients(stack, Credential(stack, CONSORTIUM, ROLES)) as clients:
            request = catalogue_service_pb2.ListViewsRequest()
            return made_of(clients.stub(CatalogueServiceStub).ListViews(request).views)
    except (CallFailed, Failure):
        return 0


def mismatch(here: int, made: int) -> str:
    """Return what is wrong with the number of partitions, empty if nothing or if one is unknown.

    Args:
        here: number of partitions of the log; 0 if unknown.
        made: number of partitions that the live view was made of; 0 if unknown.
    """
    if not here or not made or here == made:
        return ""
    return f"{TOPIC}: partitions is {here}, and the live view was made of {made}"


def remedy(here: int) -> str:
    """Return the command that makes a view of a log with so many partitions."""
    return f"kieng log repartition {here}"
