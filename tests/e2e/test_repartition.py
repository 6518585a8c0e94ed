"""An operator raises the partitions of the log on Apache Kafka: nothing counts twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from services.cli.errors import NO
from services.cli.local import apache_kafka
from tests.e2e.calls import Caller, article, creation
from tests.e2e.comparing import Comparison
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

TOPIC = "kieng.submissions.v1"
MONTHS = ("2022-01", "2022-12")
UNITS = {"vnu": "vnu/hus", "vnu-hcm": "vnu-hcm/uit", "hust": "hust/soict"}
WORKS = 8
SECONDS = 90.0
REMEDY = "kieng log repartition 3"

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(
        bool(apache_kafka.unavailable()), reason=f"Apache Kafka: {apache_kafka.unavailable()}"
    ),
]


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[RunningStack]:
    running = RunningStack(tmp_path, "kafka", {})
    try:
        running.start("up", "--broker", "kafka", until="kieng doctor")
        yield running
    finally:
        running.stop()


def claim(stack: RunningStack, institution: str) -> None:
    """Let an institution claim every work, which it then has verified."""
    author, approver = (Caller(stack, institution, role) for role in ("contributor", "approver"))
    for number in range(WORKS):
        made = author.create(
            creation(UNITS[institution], article(f"10.5555/e2e.shared.{number}", "2022-05-05"))
        )
        approver.verify(made.submission_id, made.version)


def counted(stack: RunningStack) -> dict[str, int]:
    cells = stack.kpis(["consortium", *UNITS], *MONTHS, "KNW-03")["cells"]
    return {cell["unit"]: cell["verified"] for cell in cells}


def first_offsets(stack: RunningStack) -> dict[TopicPartition, int]:
    """The offset of the oldest record that each partition of the log still holds."""
    with closing(KafkaConsumer(bootstrap_servers=stack.stack.broker)) as consumer:
        places = [TopicPartition(TOPIC, number) for number in range(3)]
        return dict(consumer.beginning_offsets(places))


def test_more_partitions_stop_the_view_and_one_command_makes_it_anew(
    grown: RunningStack, measured: Callable[[str], None]
) -> None:
    claim(grown, "vnu")
    one = {"consortium": WORKS, "vnu": WORKS, "vnu-hcm": 0, "hust": 0}
    wait_until(lambda: counted(grown) == one, SECONDS, "the works are counted")
    assert grown.run("topics", "plan").code == 0

    with closing(KafkaAdminClient(bootstrap_servers=grown.stack.broker)) as admin:
        admin.create_partitions({TOPIC: 3})
    plan = grown.run("topics", "plan")
    assert (plan.code, REMEDY in " ".join(plan.out.split())) == (NO, True), plan.out
    doctor = grown.run("doctor")
    assert doctor.code == NO
    assert REMEDY in doctor.out.replace("\n", " "), doctor.out

    def trouble() -> str:
        return str(grown.kpis(["vnu"], *MONTHS)["view"]["log_trouble"])

    wait_until(lambda: "has 3 partitions" in trouble(), SECONDS, "every answer says it")
    # Claims of the same works by another institution: many of them are in other partitions now.
    claim(grown, "hust")
    assert counted(grown) == one
    republished = grown.run("log", "republish")
    assert (republished.code, REMEDY in republished.err) == (NO, True), republished.err

    fewer = grown.run("log", "repartition", "2")
    assert (fewer.code, "has 3 partitions" in fewer.err) == (NO, True), fewer.err
    begins = first_offsets(grown)
    waiting = grown.run("log", "repartition", "3")
    assert (waiting.code, "kieng proposal approve" in waiting.err) == (NO, True), waiting.err
    (found,) = grown.json("proposal", "list")["proposals"]
    for institution in found["missing"]:
        grown.json("proposal", "approve", found["proposal_id"], "--institution", institution)
    (approved,) = grown.json("proposal", "list")["proposals"]
    # Agreed, and nothing is removed before the command does it.
    assert (approved["state"], first_offsets(grown), counted(grown)) == ("approved", begins, one)
    answer = grown.json("log", "repartition", "3")
    assert (answer["republished"], answer["generation"], answer["partitions"]) == (True, 2, 3)
    two = {**one, "hust": WORKS}
    assert counted(grown) == two
    view = grown.kpis(["vnu"], *MONTHS)["view"]
    assert (view["log_trouble"], sorted(view["progress"])) == ("", ["0", "1", "2"])
    claim(grown, "vnu-hcm")
    three = dict.fromkeys(two, WORKS)
    wait_until(lambda: counted(grown) == three, SECONDS, "joint works are counted once")
    comparison = Comparison(grown, measured)
    comparison.check()
    assert comparison.comparisons == 1
    assert grown.run("topics", "plan").code == 0
    assert grown.run("doctor").code == 0
    assert grown.json("log", "repartition", "3")["republished"] is False
    assert counted(grown) == three
