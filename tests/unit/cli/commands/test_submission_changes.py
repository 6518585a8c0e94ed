"""An amendment changes what is named, removes what is left empty, and keeps everything else."""

from __future__ import annotations

import pytest

from kieng.submissions.v1 import submission_pb2
from services.cli.commands.submission_changes import merged
from services.cli.commands.submission_list import start_of
from services.cli.commands.submit import read_content
from services.cli.errors import Failure
from services.cli.terminal.screen import Screen
from tests.unit.submissions.builders import publication


def amended(before: submission_pb2.Content, *removed: str, **row: str) -> submission_pb2.Content:
    given = read_content(Screen(), "publication", {"unit_id": before.unit_id, **row}, None)
    return merged(before, given, "publication", list(removed))


def test_only_what_is_named_changes() -> None:
    before = publication(quartile=1, indexes=[1, 2], proofs=2)
    after = amended(before, title="Another title", indexes="scopus", share_ppm="400000")
    expected = publication(quartile=1, indexes=[2], proofs=2, title="Another title")
    expected.share_ppm = 400_000
    assert after == expected
    assert before == publication(quartile=1, indexes=[1, 2], proofs=2)


def test_a_fact_is_removed_by_an_empty_value() -> None:
    before = publication(quartile=1)
    assert amended(before, "quartile") == publication()
    assert amended(before, "share_ppm", "unit_id") == before


def test_an_amendment_may_name_another_unit() -> None:
    before = publication(unit_id="vnu/hus")
    assert amended(before, unit_id="vnu/uet").unit_id == "vnu/uet"


@pytest.mark.parametrize("day", ["2025-03-31", "31/03/2025"])
def test_a_day_is_read_as_people_write_it(day: str) -> None:
    assert start_of(day).strftime("%Y-%m-%d %H:%M") == "2025-03-31 00:00"
    assert start_of(day).tzinfo is not None


@pytest.mark.parametrize("day", ["2025-02-30", "yesterday", "3/2025", ""])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(Failure, match="2025-03-31"):
        start_of(day)
