"""A commit sends the rows as they were tried, and says what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kieng.submissions.v1 import import_service_pb2 as api
from services.importing.batches import ROWS_PER_BATCH
from services.portal.calls import Refused
from tests.unit.portal.import_forms import GOOD, Form, facts, imported, portal, table, written


def test_a_file_is_tried_and_then_imported_as_it_was_tried() -> None:
    form = Form(portal())
    answer = form.send("try", "receipt.csv", table(GOOD, GOOD.replace("r-1", "r-2")))
    assert answer.status_code == 200
    assert facts(answer)["new"] == "2"
    assert "1 → 2" in answer.text
    assert not written(form.site)
    done = form.send("commit", type="receipt", system="file")
    assert "receipt.csv is imported" in done.text
    assert "<progress" in done.text
    rows = written(form.site)
    assert [row.source_record.record_id for row in rows] == ["r-1", "r-2"]
    assert all(row.HasField("version_before") for row in rows)


def test_only_the_rows_that_were_accepted_are_sent() -> None:
    form = Form(portal())
    rows = (GOOD, GOOD.replace("r-1", "r-3").replace("vnu/hus", "x"))
    form.send("try", "receipt.csv", table(*rows))
    done = form.send("commit", type="receipt", system="file")
    assert (facts(done)["new"], facts(done)["refused"]) == ("1", "1")
    assert "unknown unit x" in done.text
    assert [row.source_record.record_id for row in written(form.site)] == ["r-1"]


def test_a_commit_of_something_else_than_was_tried_is_tried_again() -> None:
    form = Form(portal())
    form.send("try", "receipt.csv", table(GOOD))
    answer = form.send("commit", type="receipt", system="cris")
    assert "checked again and nothing was written" in answer.text
    assert not written(form.site)
    forged = form.send("commit", type="receipt", system="cris", plan="AAAA")
    assert "checked again and nothing was written" in forged.text


def test_a_service_that_goes_away_leaves_what_is_in_and_says_what_is_not() -> None:
    site = portal()
    form = Form(site)
    rows = [GOOD.replace("r-1", f"r-{number}") for number in range(ROWS_PER_BATCH + 1)]
    form.send("try", "receipt.csv", table(*rows))
    taken: list[int] = []

    def broken(request: api.ImportBatchesRequest) -> Iterator[Any]:
        if taken:
            raise Refused("UNAVAILABLE", "the database cannot be reached; repeat the same call")
        taken.append(len(request.rows))
        yield from imported(request)

    site.site.services.more["ImportBatches"] = broken  # type: ignore[attr-defined]
    answer = form.send("commit", type="receipt", system="file")
    assert "the database cannot be reached" in answer.text
    assert "1 rows are not in" in answer.text
    assert facts(answer)["new"] == str(ROWS_PER_BATCH)
