"""The picker of a trial, which signs in anyone as anyone, with keys of the local issuers.

It exists only if `kieng up` created these keys, and only while every address is on loopback and the
services accept no other issuers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import jwt

from services.kernel.access import TOKEN_SECONDS_MAX, audience_of
from services.kernel.errors import InvalidArgument
from services.kernel.plain_text import is_loopback
from services.kernel.service_tokens import read_service_key
from services.policy.key_ids import key_id
from services.portal.config import Settings

LOCAL = "urn:kieng:local:"
CALLED = ("kpi", "submissions", "partners", "notifications")
"""Services that pages call, for which a token has to be valid."""
ROLES = ("viewer", "contributor", "reviewer", "approver", "auditor", "steward", "operator")


def mistakes(settings: Settings) -> list[str]:
    """Return why the picker, which signs in anybody as anybody, must not be switched on.

    Each reason is a sentence. Empty if the picker is off or may be on.
    """
    if settings.trial_issuer_folder is None:
        return []
    variable = "KIENG_TRIAL_ISSUER_FOLDER lets anybody in as anybody, so it must not be set where"
    hosts = {"KIENG_HOST": settings.host} | {
        f"KIENG_{name.upper()}": getattr(settings, name).rpartition(":")[0]
        for name in type(settings).model_fields
        if name.endswith("_address")
    }
    found = [
        f"{variable} {name} is beyond loopback"
        for name, host in hosts.items()
        if not is_loopback(host)
    ]
    if foreign := sorted({name for name in _issuers(settings) if not name.startswith(LOCAL)}):
        found.append(f"{variable} services accept the issuer {foreign[0]}")
    return found


def _issuers(settings: Settings) -> set[str]:
    """Return the issuers that the services accept."""
    listed = json.loads(settings.issuers_file.read_text(encoding="utf-8"))["issuers"]
    return {entry["issuer"] for entry in listed}


class Picker:
    """Issues tokens of the local issuers, which sign for any subject and roles.

    Args:
        folder: folder with the key `<institution>.pem` of each institution.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def institutions(self) -> list[str]:
        """Return the ids of the institutions that have a key, sorted."""
        return sorted(path.stem for path in self._folder.glob("*.pem"))

    def token(
        self, institution_id: str, subject: str, roles: Sequence[str], unit_id: str
    ) -> tuple[str, float]:
        """Return a token for any user of an institution, and the Unix time at which it expires.

        Args:
            institution_id: institution whose key signs the token.
            subject: the user, as the token names them; any text.
            roles: names of roles in lower case, at least one.
            unit_id: top of the subtree in which the roles apply; empty for the whole institution.

        Raises:
            InvalidArgument: there is no such institution or role. The caller's fault.
        """
        if institution_id not in self.institutions():
            raise InvalidArgument("no such institution", fields={"institution": "choose one"})
        if not roles or not set(roles) <= set(ROLES):
            raise InvalidArgument("no such role", fields={"role": "choose one"})
        issuer = f"{LOCAL}{institution_id}"
        now = int(time.time())
        ends = now + TOKEN_SECONDS_MAX
        audiences = [audience_of(service) for service in CALLED]
        claims = {"iss": issuer, "aud": audiences, "sub": subject, "iat": now, "exp": ends}
        claims |= {"roles": list(roles), **({"unit": unit_id} if unit_id else {})}
        key = read_service_key((self._folder / f"{institution_id}.pem").read_text())
        headers = {"kid": key_id(key.public_key())}
        return jwt.encode(claims, key, algorithm="EdDSA", headers=headers), float(ends)
