"""Providers of the agreement: inject a service's proposals and the terms they are voted on by."""

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
        database: database of the service.
    """

    def __init__(self, database: str = "") -> None:
        self.database = database

    def make(self, mongo: Mongo) -> Proposals:
        """Return the store."""
        return Proposals(mongo, self.database)


class Terms(DependencyProvider):
    """Injects a function that returns the `Agreement` of the institutions given to it."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Iterable[str]], Agreement]:
        """Return the function; quorum and lifetime come from the settings."""
        return cast(Callable[[Iterable[str]], Agreement], self.container.settings.agreement)
