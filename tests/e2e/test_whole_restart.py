"""Everything stops and starts again on the same data folder: same numbers, nobody told twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.e2e import expected, sample
from tests.e2e.calls import Caller, article, creation
from tests.e2e.conftest import Mailbox
from tests.e2e.running import RunningStack
from tests.e2e.test_demo_figures import SEVEN_MONTHS, UNITS, differences
from tests.integration.notifications.confirming import code_of
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ADDRESS = "targets@example.org"
PERSON = ("--institution", "hust", "--subject", "target-watcher")


def told(stack: RunningStack) -> list[str]:
    """What the subscriber's inbox has about targets."""
    found = stack.json("inbox", "list", *PERSON)["notifications"]
    return [one["about"] for one in found if one["kind"] == "KIND_TARGET_REACHED"]


def newest(stack: RunningStack) -> set[tuple[str, str]]:
    """What the importer of the demo, and author of other tests, was told last: kind and about."""
    found = stack.json("inbox", "list", "--institution", "vnu", "--limit", "500")
    return {(each["kind"], each["about"]) for each in found["notifications"]}


def reach(stack: RunningStack, indicator: str) -> str:
    """Set a target that is reached already; return what the notification is about."""
    counted = expected.figures(sample.works("verified"), indicator, "2024-01", "2024-12")
    assert counted.get("hust"), f"no work of this stack counts for {indicator} in 2024"
    target = ("--unit", "hust", "--indicator", indicator, "--year", "2024", "--value", "1")
    stack.json("target", "set", *target)
    return f"target:hust:{indicator}:2024"


def subscribe(stack: RunningStack, mailbox: Mailbox) -> None:
    """Ask for mails about the targets of a unit, and confirm the address by its first mail."""
    wanted = ("--kind", "target_reached", "--target-unit", "hust", "--mail-lang", "en")
    stack.json("subscription", "set", "--email", ADDRESS, *wanted, *PERSON)
    wait_until(lambda: mailbox.of(ADDRESS), 60, "the code arrives")
    code = code_of(mailbox.of(ADDRESS)[0])
    assert stack.json("subscription", "confirm", code, *PERSON)["email_confirmed"]


def test_a_reached_target_is_told_once_and_a_restart_changes_no_number_and_tells_nobody_again(
    stack: RunningStack, mailbox: Mailbox, measured: Callable[[str], None]
) -> None:
    subscribe(stack, mailbox)
    reached = reach(stack, "KNW-03")
    wait_until(lambda: reached in told(stack), 60, "the inbox has it")
    wait_until(lambda: len(mailbox.of(ADDRESS)) == 2, 60, "the mail arrives")
    before, told_before = stack.kpis(UNITS, *SEVEN_MONTHS, *expected.INDICATORS), told(stack)
    inbox_before = newest(stack)
    is_embedded = stack.stack.broker_kind == "embedded"
    began = time.monotonic()
    assert stack.stop(signal.SIGINT) == 0  # Ctrl-C; every other test sends SIGTERM
    stopped = time.monotonic() - began
    printed = len(stack.printed())
    started = stack.start("up", until="kieng doctor")
    measured(f"whole stack: stopped in {stopped:.1f} s, up again in {started:.1f} s")
    assert ("publishing" in stack.printed()[printed:].lower()) == is_embedded
    after = stack.kpis(UNITS, *SEVEN_MONTHS, *expected.INDICATORS)
    assert after["cells"] == before["cells"]
    assert after["view"]["digest"] == before["view"]["digest"]
    assert differences(after, *SEVEN_MONTHS) == []
    # What a replay would tell again, it tells before what happens next.
    told_more = reach(stack, "COM-06")
    wait_until(lambda: told_more in told(stack), 60, "the next target is told")
    wait_until(lambda: len(mailbox.of(ADDRESS)) == 3, 60, "its mail arrives")
    assert sorted(told(stack)) == sorted([*told_before, told_more])
    created = Caller(stack, "vnu", "contributor").create(
        creation("vnu/uet", article("10.5555/e2e.after-restart", "2022-01-01"))
    )
    Caller(stack, "vnu", "approver").verify(created.submission_id, created.version)
    wait_until(lambda: newest(stack) - inbox_before, 60, "the author is told")
    verified = ("KIND_SUBMISSION_VERIFIED", f"submission:{created.submission_id}")
    # Proposals of the tests before may be told late.
    told_since = {each for each in newest(stack) - inbox_before if each[0] != "KIND_PROPOSAL"}
    assert told_since == {verified}
    assert len(mailbox.of(ADDRESS)) == 3
