"""What the doctor finds of the live view when it may not ask for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.cli.checks import services as numbers
from services.cli.client.stack import Stack
from services.cli.errors import DOWN, NO


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KIENG_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("token", "code", "remedy"),
    [("", 0, "set KIENG_TOKEN"), ("“not a token”", NO, "kieng config check")],
)
def test_only_without_a_token_it_is_well_that_the_view_is_not_looked_at(
    token: str, code: int, remedy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KIENG_TOKEN", token)
    monkeypatch.setenv("KIENG_KPI_ADDRESS", "127.0.0.1:1")
    (found,) = numbers.check_view(Stack(str(tmp_path)))
    assert (found.exit_code, found.remedy) == (code, remedy)


def test_without_the_address_of_the_service_the_view_is_down(tmp_path: Path) -> None:
    (found,) = numbers.check_view(Stack(str(tmp_path)))
    assert found.exit_code == DOWN
