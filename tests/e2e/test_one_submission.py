"""One achievement on its way: declared, verified, seen by those who watch, told to its author."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from tests.e2e import sample
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

PATH = ["vnu/hus/physics", "vnu/hus", "vnu", "consortium"]
YEAR = ("2022-01", "2022-12")
SEEN_SECONDS_MAX = 30.0


def counts(stack: RunningStack, measure: str) -> dict[str, int]:
    document = stack.kpis([*PATH, "hust", "vnu/uet"], *YEAR, "KNW-03")
    return {cell["unit"]: cell[measure] for cell in document["cells"]}


def seconds_until(stream: Iterator[Any], measure: str, value: int) -> float:
    """Read a stream until the cell has a value; it ends by itself when that takes too long."""
    began = time.monotonic()
    for message in stream:
        if any(getattr(cell, measure).whole == value for cell in message.cells):
            return time.monotonic() - began
    raise AssertionError(f"{measure} never became {value}")


def test_a_submission_is_seen_at_every_level_seconds_after_it_is_declared_and_verified(
    stack: RunningStack, measured: Callable[[str], None]
) -> None:
    before = {measure: counts(stack, measure) for measure in ("declared", "verified")}
    author, approver = Caller(stack, "vnu", "contributor"), Caller(stack, "vnu", "approver")
    first, last = YEAR
    watched = view_pb2.Selection(
        unit_ids=["consortium"], indicator_codes=["KNW-03"], from_month=first, to_month=last
    )
    metadata = (("authorization", f"Bearer {stack.token('consortium', 'viewer')}"),)
    with stack.channel("kpi") as channel:
        stream = KpiServiceStub(channel).WatchKpis(
            api.WatchKpisRequest(selection=watched), timeout=SEEN_SECONDS_MAX, metadata=metadata
        )
        next(stream)
        created = author.create(creation(PATH[0], article("10.5555/e2e.seen", "2022-05-20")))
        declared = seconds_until(stream, "declared", before["declared"]["consortium"] + 1)
        approver.verify(created.submission_id, created.version)
        verified = seconds_until(stream, "verified", before["verified"]["consortium"] + 1)
        stream.cancel()
    measured(f"seen by WatchKpis: declared after {declared:.3f} s, verified {verified:.3f} s")
    for measure, counted in before.items():
        added = {unit: 1 if unit in PATH else 0 for unit in counted}
        after = counts(stack, measure)
        assert {unit: after[unit] - counted[unit] for unit in counted} == added


def test_the_author_is_told_of_every_decision(stack: RunningStack) -> None:
    author = ("--institution", "vnu", "--subject", "demanding-author")
    submit = ("submit", "--unit", "vnu/hus", "--type", "publication", "--output", "json")
    facts = ("--fact", "title=Synthetic", "--fact", "issued_on=2022-02-02")
    for decision in ("verify", "return", "reject"):
        made = stack.run(*submit, *facts, "--evidence", str(stack.answer), *author).json
        reason = ("--reason", "because of a test")
        asked = ("review", decision, made["submission_id"], *reason, "--institution", "vnu")
        assert stack.run(*asked).code == 0

    def kinds() -> set[str]:
        told = stack.json("inbox", "list", *author)["notifications"]
        return {one["kind"].removeprefix("KIND_SUBMISSION_").lower() for one in told}

    wait_until(lambda: kinds() == {"verified", "returned", "rejected"}, 60, "all three told")


def test_the_importer_of_the_demo_was_told_of_its_decisions(stack: RunningStack) -> None:
    found = stack.json("inbox", "list", "--institution", "hust", "--limit", "500")
    verified = [each for each in sample.submissions() if each.verified is not None]
    assert found["unread"] >= sum(each.institution == "hust" for each in verified) > 100
    assert {one["kind"] for one in found["notifications"]} >= {"KIND_SUBMISSION_VERIFIED"}
    # Works that another university contradicts are told to it as well.
    for one in found["notifications"]:
        thing = "work" if one["kind"] == "KIND_WORK_CONTRADICTED" else "submission"
        assert one["about"].startswith(f"{thing}:"), one
