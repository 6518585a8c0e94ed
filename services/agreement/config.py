"""Settings of the agreement between the institutions, for every service that keeps to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pydantic import Field

from services.agreement.domain import Agreement, members_of
from services.kernel.config import KernelSettings


class Settings(KernelSettings):
    """Settings of the agreement; a service with proposals inherits them."""

    agreement_quorum: int = Field(0, ge=0)
    """Number of institutions that must approve what binds all; 0: every one."""
    agreement_emergency_quorum: int = Field(0, ge=0)
    """Number of institutions that must approve an emergency; 0: more than half."""
    proposal_days: int = Field(14, ge=1, le=365)
    """Days after which a proposal that is not approved expires."""

    def agreement(self, institutions: Iterable[str]) -> Agreement:
        """Return the agreement of these institutions."""
        return Agreement(
            members_of(institutions),
            self.agreement_quorum,
            self.agreement_emergency_quorum,
            timedelta(days=self.proposal_days),
        )
