"""The dependency provider that injects a service's proposals."""

from __future__ import annotations

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
