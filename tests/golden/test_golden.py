"""The same log and catalogue lead to the same numbers, in this release as in every one before."""

from __future__ import annotations

import json

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.log.file import FileRecord, read_log
from services.kpi.offline.verification import verify
from services.kpi.oracle.recompute import LogRecord, recompute
from services.kpi.wire.catalogue import decode_catalogue
from tests.golden.make import CATALOGUE, DIGESTS, LOG
from tests.simulation import history


def log() -> list[FileRecord]:
    with LOG.open("rb") as file:
        return list(read_log(file))


def message() -> catalogue_pb2.Catalogue:
    return catalogue_pb2.Catalogue.FromString(CATALOGUE.read_bytes())


def test_the_golden_log_leads_to_the_digest_of_its_fold_version() -> None:
    digests = json.loads(DIGESTS.read_text())
    assert str(FOLD_VERSION) in digests, (
        "a new FOLD_VERSION: add what `verify` finds to digests.json, and keep the older entries"
    )
    found = verify(log(), decode_catalogue(message()))
    assert found == digests[str(FOLD_VERSION)], (
        "the fold counts differently: raise FOLD_VERSION, so that no view mixes two ways"
    )


def test_the_golden_log_says_enough_to_notice_a_difference() -> None:
    known = decode_catalogue(message()).tree.number
    events = [history.readable(record, known) for record in log()]
    foldable = [LogRecord(0, e.SerializeToString()) for e in events if e is not None]
    cells = recompute(foldable, message())[0]
    assert len({column for _, _, column, _ in cells}) >= 50
    assert len({member for *_, member in cells if member}) >= 5
    assert len(cells) > 500
