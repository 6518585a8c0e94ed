"""Signs editions with the installation's key: Ed25519 over their canonical bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs editions with the private key of the installation.

    Args:
        key: private key.
        public_pem: public key that belongs to it, in PEM, to publish with the signature.
    """

    key: Ed25519PrivateKey
    public_pem: str

    @property
    def key_id(self) -> str:
        """Id of the key: the first 16 hex digits of the SHA-256 of the public key in PEM."""
        return hashlib.sha256(self.public_pem.encode()).hexdigest()[:KEY_ID_CHARACTERS]

    def sign(self, content: bytes) -> bytes:
        """Return the Ed25519 signature of an edition's content, 64 bytes."""
        return self.key.sign(content)


def read_signer(pem: str) -> Signer:
    """Return the signer for a private key in PEM.

    Raises:
        ValueError: the text is not an unencrypted Ed25519 private key in PEM. The operator's fault.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not a private key as PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Signer(key, public.decode())
