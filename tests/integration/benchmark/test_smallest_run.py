from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmark import freshness, submitting
from tests.benchmark.__main__ import main


@pytest.mark.slow
# More than one batch of 5,000, because the first may be over before anybody looks.
@pytest.mark.timeout(600)
def test_the_smallest_run_measures_everything_but_peers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "RATE_SECONDS", 1)
    monkeypatch.setattr(freshness, "ONE_MORE_SAMPLES", 5)
    monkeypatch.setattr(submitting, "SECONDS", 1)
    out = tmp_path / "bench.json"
    parts = ("--parts", "core,fresh,submit")
    ended = main(["7000", *parts, "--broker", "embedded", "--out", str(out)])
    told = capsys.readouterr().out
    assert ended == 0, told
    found = {figure["name"]: figure for figure in json.loads(out.read_text())}
    assert found["live: rate of a catch-up"]["value"] > 0
    assert found["rebuild: rate"]["samples"] == 7000
    assert found["live: rate of a catch-up"]["config"]["broker"] == "embedded"
    for name in ("event to readable at 200/s, 7,000 loaded", "submit to visible at 200/s"):
        assert found[f"{name} p99"]["value"] >= found[f"{name} p50"]["value"] > 0
    assert "bare fold: fold" in told
