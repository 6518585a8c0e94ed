"""An issuer for trials, made by hand for stacks that `kieng up` does not start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.cli.client.local_issuer import LocalIssuer
from services.cli.main import main
from services.kernel.access import Issuers
from services.kernel.service_tokens import read_service_key
from services.kpi.config import Settings
from services.policy.key_ids import key_id, public_pem


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_services_that_read_the_table_trust_the_keys(tmp_path: Path) -> None:
    data, table = tmp_path / "data", tmp_path / "etc" / "issuers.json"
    assert run("issuer", "create", "vnu,hust", "--table", str(table), "--data", str(data)) == 0
    token = LocalIssuer(data / "issuer").mint("hust", "someone", ["viewer"], "", 60)
    assert Issuers(table, ["kieng.kpi"]).principal(token).institution_id == "hust"
    assert [path.name for path in table.parent.iterdir()] == ["issuers.json"]
    assert (data / "issuer").stat().st_mode & 0o077 == 0


def test_a_key_that_signs_calls_between_services_is_named_in_the_table(tmp_path: Path) -> None:
    data, key = str(tmp_path), tmp_path / "key.pem"
    wanted = ("issuer", "create", "vnu", "--data", data, "--service-key", str(key))
    assert run(*wanted) == 0
    (entry,) = json.loads((tmp_path / "issuers.json").read_text())["services"]
    private = read_service_key(key.read_text())
    assert entry == {
        "service": "submissions",
        "keys": {key_id(private.public_key()): public_pem(private.public_key())},
    }
    assert run(*wanted) == 0
    assert json.loads((tmp_path / "issuers.json").read_text())["services"] == [entry]


def test_a_key_for_editions_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    wanted = ("issuer", "create", "vnu", "--data", str(tmp_path), "--edition-key", str(path))
    assert run(*wanted) == 0
    made = path.read_text()
    assert Settings(edition_key=SecretStr(made)).signer is not None
    assert run(*wanted) == 0
    assert path.read_text() == made


def test_a_second_run_keeps_the_keys(tmp_path: Path) -> None:
    data = str(tmp_path)
    assert run("issuer", "create", "vnu", "--data", data) == 0
    before = json.loads((tmp_path / "issuers.json").read_text())["issuers"]
    assert run("issuer", "create", "vnu", "hust", "--data", data) == 0
    after = json.loads((tmp_path / "issuers.json").read_text())["issuers"]
    assert [entry["institution_id"] for entry in after] == ["vnu", "hust", "consortium"]
    assert [entry for entry in after if entry in before] == before


def test_a_running_stack_is_filled_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is emptied, nothing is started: without an address there is nothing to fill."""
    monkeypatch.delenv("KIENG_PARTNERS_ADDRESS", raising=False)
    monkeypatch.setenv("KIENG_LANG", "en")
    kept = tmp_path / "kept"
    kept.write_text("mine")
    assert run("demo", "--running", "--data", str(tmp_path)) != 0
    assert "no address of" in capsys.readouterr().err
    assert kept.read_text() == "mine"
