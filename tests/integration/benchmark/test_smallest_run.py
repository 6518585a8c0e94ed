from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmark.__main__ import main


# More than one batch of 5,000, because the first may be over before anybody looks.
def test_the_smallest_run_measures_the_core(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench.json"
    assert main(["7000", "--parts", "core", "--broker", "embedded", "--out", str(out)]) == 0
    found = {figure["name"]: figure for figure in json.loads(out.read_text())}
    assert found["live: rate of a catch-up"]["value"] > 0
    assert found["rebuild: rate"]["samples"] == 7000
    assert found["live: rate of a catch-up"]["config"]["broker"] == "embedded"
    assert "bare fold: fold" in capsys.readouterr().out
