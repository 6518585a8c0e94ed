"""Tokens of the local issuer, as the services check them."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from services.cli.client.local_issuer import CALLING, SERVICES, LocalIssuer
from services.cli.errors import NO, USAGE, Failure
from services.kernel.access import Issuers
from services.kernel.errors import Unauthenticated
from services.kernel.service_tokens import ServiceTokens


@pytest.fixture
def issuer(tmp_path: Path) -> LocalIssuer:
    made = LocalIssuer(tmp_path / "issuer")
    made.create(["north", "south"], tmp_path / "issuers.json")
    return made


def test_the_kernel_accepts_a_token_for_its_institution(
    issuer: LocalIssuer, tmp_path: Path
) -> None:
    token = issuer.mint("north", "somebody", ["approver"], "north/lab", 900)
    principal = Issuers(tmp_path / "issuers.json", ["kieng.kpi"]).principal(token)
    assert (principal.subject, principal.institution_id) == ("somebody", "north")
    assert (principal.unit_id, principal.roles) == ("north/lab", frozenset({"approver"}))


def test_a_token_for_one_service_opens_no_other(issuer: LocalIssuer, tmp_path: Path) -> None:
    token = issuer.mint("north", "somebody", ["viewer"], "", 900, ["kpi"])
    for service in SERVICES:
        issuers = Issuers(tmp_path / "issuers.json", [f"kieng.{service}"])
        if service == "kpi":
            assert issuers.principal(token).institution_id == "north"
        else:
            with pytest.raises(Unauthenticated, match=f"has to name kieng.{service}"):
                issuers.principal(token)


def test_the_table_names_the_service_that_calls_others(tmp_path: Path) -> None:
    issuer, key = LocalIssuer(tmp_path / "issuer"), tmp_path / "service-key.pem"
    for _ in range(2):
        issuer.create(["north"], tmp_path / "issuers.json", key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    caller = issuer.mint("north", "somebody", ["viewer"], "", 900, [CALLING])
    credential = ServiceTokens(CALLING, "partners", key.read_text()).around(caller)
    found = Issuers(tmp_path / "issuers.json", ["kieng.partners"]).principal(credential)
    assert (found.institution_id, found.via) == ("north", CALLING)


def test_keys_are_for_their_owner_only_and_stay(issuer: LocalIssuer, tmp_path: Path) -> None:
    path = tmp_path / "issuer" / "north.pem"
    key = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    issuer.create(["north", "south", "west"], tmp_path / "issuers.json")
    assert path.read_bytes() == key
    assert issuer.institutions() == ["north", "south", "west"]


def test_the_key_of_another_folder_does_not_hold(issuer: LocalIssuer, tmp_path: Path) -> None:
    other = LocalIssuer(tmp_path / "other")
    other.create(["north"], tmp_path / "others.json")
    token = other.mint("north", "somebody", ["approver"], "", 60)
    with pytest.raises(Unauthenticated):
        Issuers(tmp_path / "issuers.json", ["kieng.kpi"]).principal(token)


@pytest.mark.parametrize(
    ("institution", "seconds", "code"), [("north", 901, USAGE), ("west", 60, NO)]
)
def test_a_token_that_could_not_hold_is_not_made(
    issuer: LocalIssuer, institution: str, seconds: int, code: int
) -> None:
    with pytest.raises(Failure) as told:
        issuer.mint(institution, "somebody", ["viewer"], "", seconds)
    assert told.value.exit_code == code


def spoil_absent(path: Path) -> None:
    path.unlink()


def spoil_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def spoil_text(path: Path) -> None:
    path.write_text("no key")


def spoil_curve(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def spoil_password(path: Path) -> None:
    key, locked = Ed25519PrivateKey.generate(), BestAvailableEncryption(b"made up")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (spoil_absent, "has no institution 'north'"),
        (spoil_folder, "north.pem cannot be read: Is a directory"),
        (spoil_text, "north.pem is not an Ed25519 private key as PEM without a password"),
        (spoil_curve, "north.pem is not an Ed25519 private key as PEM without a password"),
        (spoil_password, "north.pem is not an Ed25519 private key as PEM without a password"),
    ],
)
def test_a_key_that_cannot_sign_is_told_in_one_sentence(
    issuer: LocalIssuer, tmp_path: Path, spoil: Callable[[Path], None], wanted: str
) -> None:
    spoil(tmp_path / "issuer" / "north.pem")
    with pytest.raises(Failure) as told:
        issuer.mint("north", "somebody", ["viewer"], "", 60)
    assert wanted in told.value.message
    assert "\n" not in told.value.message
    if spoil is not spoil_absent:
        with pytest.raises(Failure, match=r"north\.pem"):
            issuer.create(["north"], tmp_path / "issuers.json")


def test_a_token_for_a_unit_of_another_institution_is_not_made(issuer: LocalIssuer) -> None:
    with pytest.raises(Failure, match="'hus' is no unit of north; write it like north/abc"):
        issuer.mint("north", "somebody", ["approver"], "hus", 60)
    assert issuer.mint("north", "somebody", ["approver"], "north", 60)
