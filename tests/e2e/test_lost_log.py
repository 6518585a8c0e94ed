"""The log is lost under a running stack: everybody is told, and one command brings it back."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafka import KafkaAdminClient

from services.cli.admin import topics
from tests.e2e import sample
from tests.e2e.running import RunningStack
from tests.e2e.test_demo_figures import SEVEN_MONTHS, UNITS
from tests.waiting import wait_until

TOPIC = "kieng.submissions.v1"


def test_a_whole_log_is_not_published_again(stack: RunningStack) -> None:
    answer = stack.json("log", "republish")
    assert answer["republished"] is False
    assert answer["view"] == stack.kpis(["vnu"], *SEVEN_MONTHS)["view"]["view_id"]


def test_a_whole_log_that_is_published_again_all_the_same_changes_no_number(
    stack: RunningStack,
) -> None:
    before = stack.kpis(UNITS, *SEVEN_MONTHS)
    answer = stack.json("log", "republish", "--again")
    assert answer["republished"] is True
    assert answer["view"] == before["view"]["view_id"]
    sent = sum(before["view"]["progress"].values())
    wait_until(
        lambda: (
            sum(stack.kpis(UNITS, *SEVEN_MONTHS)["view"]["progress"].values())
            >= sent + len(sample.submissions())
        ),
        60,
        "what was published again is read",
    )
    after = stack.kpis(UNITS, *SEVEN_MONTHS)
    assert after["view"]["digest"] == before["view"]["digest"]
    assert after["cells"] == before["cells"]


def test_a_topic_made_anew_is_told_and_filled_again_with_the_same_digest(
    stack: RunningStack,
) -> None:
    if stack.stack.broker_kind == "embedded":
        pytest.skip("the embedded broker loses its log by a restart: test_whole_restart.py")
    before = stack.kpis(UNITS, *SEVEN_MONTHS)
    with closing(KafkaAdminClient(bootstrap_servers=stack.stack.broker)) as admin:
        admin.delete_topics([TOPIC])
        wait_until(lambda: TOPIC not in admin.list_topics(), 60, "the topic is gone")
        topics.apply(admin, topics.load())
    wait_until(
        lambda: "LOG_DIVERGED" in stack.kpis(["vnu"], *SEVEN_MONTHS)["view"]["log_trouble"],
        60,
        "answers tell that the log is another one",
    )
    doctor = stack.run("doctor")
    assert doctor.code != 0
    assert "kieng log republish" in doctor.out
    assert stack.kpis(UNITS, *SEVEN_MONTHS)["cells"] == before["cells"]
    waiting = stack.run("log", "republish")
    assert (waiting.code, "waits for hust, vnu, vnu-hcm" in waiting.err) == (1, True), waiting.err
    (found,) = stack.json("proposal", "list")["proposals"]
    for institution in found["missing"]:
        stack.json("proposal", "approve", found["proposal_id"], "--institution", institution)
    answer = stack.json("log", "republish")
    assert answer["republished"] is True
    assert answer["generation"] == 2
    after = stack.kpis(UNITS, *SEVEN_MONTHS)
    assert after["view"]["log_trouble"] == ""
    assert after["view"]["digest"] == before["view"]["digest"]
    assert after["cells"] == before["cells"]
