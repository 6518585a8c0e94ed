"""The picker: it signs as the local issuer does, and cannot be switched on beyond a trial."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.client.local_issuer import LocalIssuer
from services.kernel.access import Issuers
from services.kernel.errors import InvalidArgument
from services.portal import trial
from services.portal.config import Settings
from services.portal.trial import Picker


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    LocalIssuer(tmp_path / "issuer").create(["vnu", "hust"], tmp_path / "issuers.json")
    return made(tmp_path)


def made(folder: Path, **given: Any) -> Settings:
    own = {"issuers_file": folder / "issuers.json", "trial_issuer_folder": folder / "issuer"}
    return Settings(_env_file=None, **{**own, **given})


def test_a_picked_token_is_one_that_services_accept(settings: Settings, tmp_path: Path) -> None:
    picker = Picker(tmp_path / "issuer")
    token, ends = picker.token("vnu", "reviewer@vnu/hus", ["reviewer"], "vnu/hus")
    found = [Issuers(settings.issuers_file, [f"kieng.{each}"]) for each in trial.CALLED]
    (principal,) = {each.principal(token) for each in found}
    assert principal.institution_id == "vnu"
    assert principal.unit_id == "vnu/hus"
    assert set(principal.roles) == {"reviewer"}
    assert ends > 0
    assert picker.institutions() == ["hust", "vnu"]


@pytest.mark.parametrize(
    ("institution", "roles"),
    [("neu", ["viewer"]), ("vnu", []), ("vnu", ["god"]), ("../vnu", ["viewer"])],
)
def test_nobody_else_is_offered(
    settings: Settings, tmp_path: Path, institution: str, roles: list[str]
) -> None:
    with pytest.raises(InvalidArgument):
        Picker(tmp_path / "issuer").token(institution, "x", roles, "")


def test_a_trial_is_on_loopback_with_local_issuers_only(settings: Settings, tmp_path: Path) -> None:
    assert trial.mistakes(settings) == []
    assert trial.mistakes(made(tmp_path, trial_issuer_folder=None, host="0.0.0.0")) == []
    (beyond,) = trial.mistakes(made(tmp_path, host="0.0.0.0"))
    assert "KIENG_HOST is beyond loopback" in beyond
    (elsewhere,) = trial.mistakes(made(tmp_path, kpi_address="kpi.example:50051"))
    assert "KIENG_KPI_ADDRESS is beyond loopback" in elsewhere
    table = json.loads(settings.issuers_file.read_text())
    table["issuers"].append({**table["issuers"][0], "issuer": "https://id.example.vn"})
    settings.issuers_file.write_text(json.dumps(table))
    (foreign,) = trial.mistakes(settings)
    assert "https://id.example.vn" in foreign
