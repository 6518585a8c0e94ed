"""How the table of issuers names and writes a public key."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def key_id(key: Ed25519PublicKey) -> str:
    """Return the id (`kid`) under which the table of issuers lists a public key: 16 hex digits."""
    return hashlib.sha256(public_pem(key).encode()).hexdigest()[:16]


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key as PEM text, as the table of issuers contains it."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, kind).decode()
