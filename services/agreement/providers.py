"""Dependency providers that inject a service's proposals and the terms of votes on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.agreement.domain import Agreement
from services.agreement.store import Proposals
from services.kernel.mongo import Mongo, Store


class ProposalStore(Store):
    """Injects the `Proposals` of a service.

    Args:
        database: name of the service's database.
    """

    def __init__(self, database: str = "") -> None:
        self.database = database

    def make(self, mongo: Mongo) -> Proposals:
        """Return the proposals in the service's database."""
        return Proposals(mongo, self.database)


class Terms(DependencyProvider):
    """Injects a function from ids of institutions to the `Agreement` by which they vote."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Iterable[str]], Agreement]:
        """Return the function; it takes quorums and lifetime from the service's settings."""
        return cast(Callable[[Iterable[str]], Agreement], self.container.settings.agreement)
