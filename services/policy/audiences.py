"""For which services a token is valid, and for how long: what issuers and services agree on."""

from __future__ import annotations

AUDIENCE = "kieng"
"""Prefix of audiences; alone, that of tokens for all services, if `KernelSettings` adds it."""
TOKEN_SECONDS_MAX = 900


def audience_of(service: str) -> str:
    """Return the audience (`aud`) of tokens that are valid at one service only.

    It is the same for all processes of a service: `kieng.NAME` for `NAME` and for `NAME.PROCESS`.
    Whether there is such a service is not checked.
    """
    return f"{AUDIENCE}.{service.partition('.')[0]}"
