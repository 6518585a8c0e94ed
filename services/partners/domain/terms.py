"""The terms by which the institutions decide on proposals, and which terms can be agreed."""

from __future__ import annotations

from dataclasses import dataclass

from services.kernel.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of votes, as the contract's message `Terms` explains; a field that is 0 is a default.

    The defaults are all institutions, in an emergency more than half, and 14 days.
    """

    quorum: int = 0
    emergency_quorum: int = 0
    proposal_days: int = 0


DEFAULTS = Terms()
"""Terms until the institutions have agreed on others."""


def checked(terms: Terms, members: int) -> Terms:
    """Return terms that so many institutions can agree on.

    Args:
        terms: wanted terms.
        members: number of the institutions that vote.

    Raises:
        InvalidArgument: a quorum is negative or larger than the number of institutions, or that of
            emergencies is larger than the other.
    """
    needed = terms.quorum or members
    fields = {}
    if not 0 <= terms.quorum <= members:
        fields["terms.quorum"] = f"must be 1 to {members}, or 0 for all institutions"
    elif not 0 <= terms.emergency_quorum <= needed:
        fields["terms.emergency_quorum"] = f"must be 1 to {needed}, or 0 for more than half"
    if fields:
        listed = "; ".join(f"{path}: {text}" for path, text in fields.items())
        raise InvalidArgument(f"these terms cannot be met: {listed}", fields=fields)
    return terms
