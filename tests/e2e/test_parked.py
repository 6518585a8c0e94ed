"""A record that cannot be counted: seen, shown to its institution only, dismissed, mended."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from kafka import KafkaProducer

from kieng.submissions.v1 import events_pb2
from tests.e2e.calls import Caller, article, creation
from tests.e2e.comparing import Comparison
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

TOPIC = "kieng.submissions.v1"
WORK = "doi:10.5555/e2e.parked"


def parked(stack: RunningStack, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.json("parked", "list", *options)["parked"]
    return found


def counts(stack: RunningStack) -> tuple[int, int]:
    """Number of parked and of dismissed records that answers carry."""
    view = stack.kpis(["vnu"], "2021-06", "2021-06", "KNW-03")["view"]
    return view["parked"], view["dismissed"]


def say_something_impossible(stack: RunningStack, submission_id: str, version: int) -> None:
    """Publish a version of a submission that claims for a unit that nobody knows."""
    claim = events_pb2.Claim(unit_id="vnu/nowhere", facts=article("10.5555/x", "2021-06-01"))
    event = events_pb2.SubmissionChanged(
        submission_id=submission_id,
        version=version,
        institution_id="vnu",
        work_key=WORK,
        declared=claim,
    )
    headers = {
        "ce_id": f"{submission_id}:{version}:{WORK}",
        "ce_type": event.DESCRIPTOR.full_name,
        "ce_source": "kieng/submissions/vnu",
        "ce_time": "2021-06-01T00:00:00Z",
    }
    with closing(KafkaProducer(bootstrap_servers=stack.stack.broker)) as producer:
        producer.send(
            TOPIC,
            event.SerializeToString(),
            WORK.encode(),
            headers=[(name, text.encode()) for name, text in headers.items()],
        ).get(timeout=10)


def test_a_parked_record_is_seen_by_its_institution_and_mended_by_a_new_version(
    stack: RunningStack, comparison: Comparison
) -> None:
    assert parked(stack) == []
    request = creation("vnu/uet", article("10.5555/e2e.parked", "2021-06-01"))
    made = Caller(stack, "vnu", "contributor").create(request)
    say_something_impossible(stack, made.submission_id, made.version)
    wait_until(lambda: parked(stack), 60, "the record is parked")
    comparison.check()

    (seen,) = parked(stack)
    assert seen["submission_id"] == made.submission_id
    assert "vnu/nowhere" in seen["reason"]
    assert "work_key" not in seen, "an operator reads reasons, not works"
    (own,) = parked(stack, "--institution", "vnu")
    assert own["work_key"] == WORK
    assert parked(stack, "--institution", "hust") == []
    place = f"{own.get('partition', 0)}:{own['offset']}"
    shown = stack.json("parked", "show", place, "--institution", "vnu")
    assert shown["event"]["declared"]["unit_id"] == "vnu/nowhere"
    assert stack.run("parked", "show", place, "--institution", "hust").code == 1
    assert counts(stack) == (1, 0)
    doctor = stack.run("doctor")
    assert "kieng parked" in doctor.out
    assert doctor.code == 1

    reason = ("--reason", "nobody repairs it")
    assert stack.run("parked", "dismiss", place, *reason).code == 1, "vnu has its own operator"
    assert stack.run("parked", "dismiss", place, *reason, "--institution", "hust").code == 1
    dismissed = stack.json("parked", "dismiss", place, *reason, "--institution", "vnu")
    assert dismissed["dismissal"]["institution_id"] == "vnu"
    assert parked(stack) == []
    (still,) = parked(stack, "--dismissed", "--institution", "vnu")
    assert still["dismissal"] == dismissed["dismissal"]
    wait_until(lambda: counts(stack) == (0, 1), 60, "the record no longer counts as parked")
    assert "0 records set aside, 1 dismissed" in stack.run("doctor").out
    comparison.check()

    foreign = stack.run("parked", "repair", made.submission_id, "--institution", "hust")
    assert foreign.code == 1
    mended = stack.json(
        "parked", "repair", made.submission_id, "--institution", "vnu", "--reason", "tested"
    )
    assert mended["version"] == made.version + 1
    wait_until(lambda: counts(stack) == (0, 0), 60, "the new version is read")
    (kept,) = parked(stack, "--all", "--dismissed", "--institution", "vnu")
    assert kept["mended"]
    now = Caller(stack, "vnu", "contributor").read(made.submission_id)
    assert (now.version, now.state) == (mended["version"], made.state)
