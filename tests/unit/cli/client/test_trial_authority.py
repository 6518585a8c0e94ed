from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509

from services.cli.client.trial_authority import TrialAuthority


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_certificate_names_its_hosts_and_is_signed(tmp_path: Path) -> None:
    end = TrialAuthority(tmp_path / "authority").certify(["localhost", "127.0.0.1"], tmp_path)
    certificate, authority = read(tmp_path / "tls.crt"), read(tmp_path / "ca.crt")
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [IPv4Address("127.0.0.1")]
    assert certificate.not_valid_after_utc == end.replace(microsecond=0)
    assert end - datetime.now(UTC) > timedelta(days=390)


def test_the_authority_stays_and_the_certificate_is_new(tmp_path: Path) -> None:
    signer = TrialAuthority(tmp_path / "authority")
    signer.certify(["localhost"], tmp_path)
    first, authority = read(tmp_path / "tls.crt"), read(tmp_path / "ca.crt")
    signer.certify(["localhost"], tmp_path)
    assert read(tmp_path / "ca.crt") == authority
    assert read(tmp_path / "tls.crt").serial_number != first.serial_number


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    TrialAuthority(tmp_path / "authority").certify(["localhost"], tmp_path)
    for path in (tmp_path / "tls.key", tmp_path / "authority" / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (tmp_path / "ca.key").exists()
