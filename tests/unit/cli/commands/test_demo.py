"""The demo imports in a thread, and ends with what stops that."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.commands.demo import Demo
from services.cli.errors import Failure
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang

INSTITUTIONS = ("vnu", "vnu-hcm", "hust")


@pytest.mark.parametrize("error", [Failure("a row was refused"), KeyError("a fault")])
def test_what_stops_an_import_stops_the_demo_once_the_ones_before_are_decided(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported, decided = list[str](), list[str]()

    def take(demo: Demo, institution: str, folder: Path, progress: object) -> None:
        if institution == "vnu-hcm":
            raise error
        imported.append(f"{institution}/{folder.name}")

    def decide(demo: Demo, institution: str, path: Path, progress: object) -> None:
        decided.append(f"{institution}/{path.stem}")

    monkeypatch.setattr(Demo, "_import", take)
    monkeypatch.setattr(Demo, "_decide", decide)
    for institution in INSTITUTIONS:
        (tmp_path / institution).mkdir()
    launch: Any = SimpleNamespace(
        institutions=INSTITUTIONS, screen=Screen(Output.table, Lang.en), stack=None
    )
    with pytest.raises(type(error)) as raised:
        Demo(launch, tmp_path, None, 0.0).fill()
    assert raised.value is error
    assert imported == ["vnu/vnu", "vnu/changes"]
    assert decided == ["vnu/decisions-1", "vnu/decisions-2"]
