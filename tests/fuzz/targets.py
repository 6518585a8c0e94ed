"""Every RPC of the contracts, and the process that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from services.kpi.service import KpiQuery
from services.notifications.service import NotificationsService
from services.partners.service import PartnersService
from services.submissions.service import SubmissionsService
from tests.architecture.requests import methods

PROCESSES: Mapping[str, tuple[ServiceDescriptor, ...]] = {
    "partners": PartnersService.serves,
    "submissions": SubmissionsService.serves,
    "kpi": KpiQuery.serves,
    "notifications": NotificationsService.serves,
}


@dataclass(frozen=True, slots=True)
class Target:
    """An RPC at a process that serves it."""

    process: str
    method: MethodDescriptor

    @property
    def path(self) -> str:
        """Path of its calls."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def is_endless(self) -> bool:
        """Whether it may answer for as long as its caller listens."""
        return bool(self.method.server_streaming and not self.method.client_streaming)

    def __str__(self) -> str:
        """Return process and method."""
        return f"{self.process} {self.method.containing_service.name}.{self.method.name}"


def targets() -> list[Target]:
    """Return every RPC of every contract at every process that serves it.

    Raises:
        LookupError: no process serves an RPC: it would not be fuzzed.
    """
    found = [
        Target(process, method)
        for process, services in PROCESSES.items()
        for service in services
        for method in service.methods
    ]
    served = {target.method.full_name for target in found}
    if missing := {method.full_name for method in methods()} - served:
        raise LookupError(f"no process is known to serve {sorted(missing)}")
    return found
