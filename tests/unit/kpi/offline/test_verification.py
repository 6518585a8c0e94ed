"""A view is recomputed from a file: by what is deployed, or by a catalogue as it was frozen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson

from services.cli.client.stack import DEPLOY
from services.kpi.log.file import FileRecord, write_log
from services.kpi.offline.verification import load_catalogue, main, verify
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import catalogue_message, real_catalogue

INDICATORS = DEPLOY / "catalogue" / "indicators.yaml"
UNITS = DEPLOY / "directory" / "units.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    with path.open("wb") as writing:
        write_log(
            (
                FileRecord(0, r.offset, r.timestamp, r.key, r.value, list(r.headers))
                for r in log(80)
            ),
            writing,
        )
    return path


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.json"
    path.write_text(MessageToJson(catalogue_message(), preserving_proto_field_name=True))
    return path


def test_a_frozen_catalogue_counts_on_its_own_tree(
    file: Path, frozen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(file), str(frozen), "no-such-units.yaml"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == verify(log(80), real_catalogue())
    assert found["parked"] == 0


def test_indicators_alone_count_on_the_tree_of_a_units_file() -> None:
    catalogue = load_catalogue(INDICATORS, UNITS)
    assert "vnu/hus/physics" in catalogue.tree.number
    assert (
        load_catalogue(INDICATORS, UNITS).columns == decode_catalogue(catalogue_message()).columns
    )


def test_what_is_cut_off_or_no_catalogue_is_refused_by_name(
    file: Path, frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: Path) -> str:
        assert main(["verify", *map(str, arguments)]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    whole, broken = file.read_bytes(), tmp_path / "broken"
    broken.write_bytes(whole[:-1])
    assert f"{broken}: the log is damaged at byte " in refused(broken, frozen, UNITS)
    assert "absent" in refused(tmp_path / "absent", frozen, UNITS)
    for text in (
        '{"indicators": [{"code": ""}]}',
        '{"odd": 1}',
        "{",
        "- 1",
        "a: b: c",
        "units: [{kind: odd}]",
    ):
        broken.write_text(text)
        assert f"{broken}: " in refused(file, broken, UNITS), text
    assert main([]) == 2
    assert main(["verify", str(file)]) == 2


def test_what_the_view_was_allowed_to_park_does_not_stop_who_repeats_it() -> None:
    """A thousand in a row stop an aggregator; by then somebody has raised its limit."""
    count = 10_200
    headers = [("ce_type", events.CHANGED.encode())]
    bad = (FileRecord(0, n, 0, b"k", b"\xff", headers) for n in range(count))
    assert verify(bad, real_catalogue())["parked"] == count
