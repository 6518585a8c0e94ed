"""The same log and catalogue lead to the same numbers, in this release as in every one before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.domain.cube import Cube
from services.kpi.domain.months import month_of_date
from services.kpi.log.file import FileRecord, read_log
from services.kpi.offline.verification import verify
from services.kpi.oracle.judgement import Judge
from services.kpi.oracle.recompute import LogRecord, recompute
from services.kpi.wire.catalogue import decode_catalogue
from tests.golden.make import CATALOGUE, DIGESTS, LOG
from tests.golden.make_forms import FORMS, forms
from tests.golden.make_spoilt import DIGESTS as SPOILT_DIGESTS
from tests.golden.make_spoilt import SPOILT
from tests.simulation import history


def log(path: Path = LOG) -> list[FileRecord]:
    with path.open("rb") as file:
        return list(read_log(file))


def message() -> catalogue_pb2.Catalogue:
    return catalogue_pb2.Catalogue.FromString(CATALOGUE.read_bytes())


@pytest.mark.parametrize(("path", "digests_path"), [(LOG, DIGESTS), (SPOILT, SPOILT_DIGESTS)])
def test_a_golden_log_leads_to_the_digest_of_its_fold_version(
    path: Path, digests_path: Path
) -> None:
    digests = json.loads(digests_path.read_text())
    assert str(FOLD_VERSION) in digests, (
        f"a new FOLD_VERSION: add what `verify` finds to {digests_path.name}, keep older entries"
    )
    found = verify(log(path), decode_catalogue(message()))
    assert found == digests[str(FOLD_VERSION)], (
        "the fold counts differently: raise FOLD_VERSION, so that no view mixes two ways"
    )


def test_values_in_the_forms_of_the_contract_count_as_before_fold_version_4() -> None:
    digests, spoilt = (json.loads(path.read_text()) for path in (DIGESTS, SPOILT_DIGESTS))
    assert digests["4"] == digests["3"]
    assert spoilt["4"]["parked"] > spoilt["3"]["parked"]


def test_sql_leaves_out_of_the_spoilt_log_what_the_fold_parks() -> None:
    values: dict[int, list[bytes]] = {}
    for each in log(SPOILT):
        values.setdefault(each.partition, []).append(each.value or b"")
    # A partition is a run of its own: a spoilt key may stand in two.
    said = [LogRecord(partition, value) for partition, some in values.items() for value in some]
    cube = Cube(decode_catalogue(message()))
    for partition, cells in recompute(said, message()).items():
        for (unit_id, month, column, member), value in cells.items():
            cube.change(partition, unit_id, month_of_date(month), {(column, member): value})
    assert cube.digest() == json.loads(SPOILT_DIGESTS.read_text())[str(FOLD_VERSION)]["digest"]


def test_the_forms_of_values_are_part_of_the_fold_version() -> None:
    kept = json.loads(FORMS.read_text())
    found = forms()
    changed = {name: found.get(name) for name, form in kept.items() if found.get(name) != form}
    assert not changed, "another form parks other records: raise FOLD_VERSION, then make_forms"
    assert found == kept, "a field is new: python -m tests.golden.make_forms"


def test_the_golden_log_says_enough_to_notice_a_difference() -> None:
    judge = Judge(message())
    events = [history.readable(record, judge) for record in log()]
    foldable = [LogRecord(0, e.SerializeToString()) for e in events if e is not None]
    cells = recompute(foldable, message())[0]
    assert len({column for _, _, column, _ in cells}) >= 50
    assert len({member for *_, member in cells if member}) >= 5
    assert len(cells) > 500
