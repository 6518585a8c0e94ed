"""An issuer of this test process, and credentials of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY = Ed25519PrivateKey.generate()


def write_issuers(path: Path, *institutions: str) -> Path:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    entry = {"algorithms": ["EdDSA"], "keys": {"k": public.decode()}}
    issuers = [{"issuer": f"urn:{i}", "institution_id": i, **entry} for i in institutions]
    path.write_text(json.dumps({"issuers": issuers}))
    return path


def credential(institution: str, *roles: str, unit: str = "") -> tuple[tuple[str, str], ...]:
    now = int(time.time())
    claims = {"iss": f"urn:{institution}", "aud": "kieng.kpi", "sub": "tester", "roles": roles}
    claims |= {"unit": unit} if unit else {}
    token = jwt.encode(
        {**claims, "iat": now, "exp": now + 600}, KEY, algorithm="EdDSA", headers={"kid": "k"}
    )
    return (("authorization", f"Bearer {token}"),)
