import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from pydantic import SecretStr, ValidationError

from services.kpi.config import Settings, environment
from services.kpi.signing import read_signer


def pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_what_is_signed_holds_with_the_public_key_and_nothing_else_does() -> None:
    signer = read_signer(pem(Ed25519PrivateKey.generate()))
    public = serialization.load_pem_public_key(signer.public_pem.encode())
    signature = signer.sign(b"content")
    public.verify(signature, b"content")  # type: ignore[union-attr,call-arg]
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"other")  # type: ignore[union-attr,call-arg]
    assert len(signer.key_id) == 16


@pytest.mark.parametrize("text", ["", "nonsense", pem(ec.generate_private_key(ec.SECP256R1()))])
def test_what_is_no_key_of_this_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        read_signer(text)


def test_a_wrong_key_or_zone_is_noticed_at_the_start_and_never_printed() -> None:
    with pytest.raises(ValidationError, match="not a private key") as told:
        Settings(edition_key="secret-text")
    assert "secret-text" not in str(told.value.errors(include_input=False))
    with pytest.raises(ValidationError, match="no time zone"):
        Settings(time_zone="Mars/Base")
    assert Settings().signer is None
    assert Settings(edition_key=pem(Ed25519PrivateKey.generate())).signer is not None


def test_subprocesses_get_every_setting_but_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIENG_EDITION_KEY_FILE", "key.pem")
    key = pem(Ed25519PrivateKey.generate())
    given = environment(Settings(edition_key=SecretStr(key), kafka_sasl_password=SecretStr("up")))
    assert given["KIENG_KAFKA_SASL_PASSWORD"] == "up"
    assert [name for name, value in given.items() if "EDITION_KEY" in name or value == key] == []
