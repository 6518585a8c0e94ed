"""Good and bad credentials of a running stack."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import jwt

from services.cli.client.local_issuer import LocalIssuer, read_key
from services.cli.client.stack import Stack
from services.kernel.access import AUDIENCE

ROLES = ("contributor", "reviewer", "approver", "auditor", "operator", "steward", "viewer")
GOOD_RATE = 0.9
SECONDS = 600
RENEWED_SECONDS = 300.0
MANY = 3
"""Subjects for each role of an institution; what one makes another decides upon."""

Metadata = tuple[tuple[str, str | bytes], ...]


class Credentials:
    """Metadata of calls, drawn. Belongs to one thread.

    Args:
        stack: where the keys of the issuers are.
        dice: what draws.
    """

    def __init__(self, stack: Stack, dice: random.Random) -> None:
        self._stack, self._dice = stack, dice
        self._issuer = LocalIssuer(stack.issuer_folder)
        self._institutions = self._issuer.institutions()
        self._made: dict[tuple[str, str, int], tuple[str, float]] = {}

    def draw(self, roles: frozenset[str]) -> tuple[str, Metadata]:
        """Return what kind of credential was drawn, and it; most are good and of a fitting role.

        Args:
            roles: those that the RPC admits.
        """
        dice = self._dice
        if dice.random() < GOOD_RATE:
            fitting = sorted(roles & set(ROLES)) or ROLES
            role = dice.choice(fitting if dice.random() < 0.9 else ROLES)
            return f"good {role}", _bearer(self._good(role))
        kind = dice.choice(sorted(BAD))
        return kind, BAD[kind](self, self._good(dice.choice(ROLES)))

    def _good(self, role: str) -> str:
        institution, number = self._dice.choice(self._institutions), self._dice.randrange(MANY)
        token, since = self._made.get((institution, role, number), ("", 0.0))
        if not token or time.monotonic() - since > RENEWED_SECONDS:
            subject = f"{role}{number}@{institution}"
            token = self._issuer.mint(institution, subject, [role], "", SECONDS)
            self._made[institution, role, number] = token, time.monotonic()
        return token

    def _signed(self, **changed: Any) -> Metadata:
        institution = self._dice.choice(self._institutions)
        good = self._issuer.mint(institution, "somebody", ["contributor"], "", SECONDS)
        claims = jwt.decode(good, options={"verify_signature": False})
        kid = jwt.get_unverified_header(good)["kid"]
        key = read_key(self._stack.issuer_folder / f"{institution}.pem")
        claims = {n: v for n, v in {**claims, **changed}.items() if v is not ...}
        return _bearer(jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid}))

    def odd_claim(self, _: str) -> Metadata:
        """A token that an issuer signed, with a claim of a wrong type or value."""
        dice = self._dice
        name = dice.choice(("exp", "iat", "nbf", "roles", "unit", "sub", "aud"))
        odd: list[Any] = [
            ...,
            None,
            "text",
            [],
            {},
            -1,
            1e300,
            [1],
            ["a"] * 999,
            "\x1b",
            "x" * 5000,
            True,
        ]
        value = dice.choice([*odd, AUDIENCE, int(time.time())])
        try:
            return self._signed(**{name: value})
        except TypeError:
            return self._signed(**{name: ...})  # PyJWT does not sign what it can tell


def _bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


def _cut(token: str, dice: random.Random) -> str:
    at = dice.randrange(len(token))
    return token[:at] + dice.choice(("", "A", ".", "..", "=")) + token[at + 1 :]


BAD: dict[str, Callable[[Credentials, str], Metadata]] = {
    "none": lambda self, token: (),
    "empty": lambda self, token: (("authorization", ""),),
    "another scheme": lambda self, token: (("authorization", f"Basic {token}"),),
    "forged": lambda self, token: _bearer(f"{token[:-20]}{'A' * 20}"),
    "spoilt": lambda self, token: _bearer(_cut(token, self._dice)),
    "noise": lambda self, token: _bearer(self._dice.randbytes(20).hex()),
    "long": lambda self, token: _bearer("A" * 6000),
    "expired": lambda self, token: self._signed(iat=1, exp=2),
    "of another audience": lambda self, token: self._signed(aud="other"),
    "odd claim": Credentials.odd_claim,
    "odd trace": lambda self, token: (*_bearer(token), ("traceparent", "00-\x7e-zz")),
    "bytes": lambda self, token: (*_bearer(token), ("x-odd-bin", self._dice.randbytes(50))),
}
"""Kind of a bad credential, or of odd metadata -> what makes it of a good token."""
