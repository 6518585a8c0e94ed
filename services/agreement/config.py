"""Settings of the agreement between the institutions, shared by all services with proposals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import Field

from services.agreement.domain import Agreement, members_of
from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Base class of the settings of a service with proposals."""

    agreement_quorum: int = Field(0, ge=0)
    """Number of institutions that must approve a proposal; 0 means all."""
    agreement_emergency_quorum: int = Field(0, ge=0)
    """Number of institutions that must approve an emergency; 0 means more than half."""
    proposal_days: int = Field(14, ge=1, le=365)
    """Days after which a proposal that has not taken effect expires."""

    def agreement(self, institutions: Iterable[str]) -> Agreement:
        """Return the terms of a vote with these settings.

        Args:
            institutions: ids of the institutions that vote, in any order.
        """
        return Agreement(
            members_of(institutions),
            self.agreement_quorum,
            self.agreement_emergency_quorum,
            timedelta(days=self.proposal_days),
        )
