"""Commands as people type them, each once, on the stack of the demo."""

from __future__ import annotations

import json
import queue
import re
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.cli.commands.up import DIRECTORY
from tests.e2e.running import KIENG, STOP_SECONDS, RunningStack
from tests.interrupts import heeding_ctrl_c
from tests.waiting import wait_until

# Nobody else's works lie there.
YEAR = ("--from", "2023-01", "--to", "2023-12")
UNIT = "hust/seee"
LINE_SECONDS = 60.0
PUBLICATION = ("--unit", UNIT, "--type", "publication")
FACTS = ("--fact", "title=Synthetic", "--fact", "issued_on=2023-05-05", "--fact", "indexes=scopus")


@contextmanager
def lines(stack: RunningStack, *arguments: str) -> Iterator[Callable[[], tuple[float, Any]]]:
    """Run a command that goes on until Ctrl-C; the next JSON object, and when it was printed."""
    argv = (str(KIENG), *arguments, "--output", "json", "--data", str(stack.data))
    with heeding_ctrl_c():
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    with process:
        printed: queue.Queue[tuple[float, Any]] = queue.Queue()

        def read() -> None:
            for line in process.stdout or ():
                printed.put((time.monotonic(), json.loads(line)))

        threading.Thread(target=read, daemon=True).start()
        try:
            yield lambda: printed.get(timeout=LINE_SECONDS)
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 130
        finally:
            process.kill()


def watchers(stack: RunningStack) -> int:
    """How many callers listen to the notifications service now."""
    url = f"http://{stack.stack.processes['notifications'].http}/metrics"
    with urllib.request.urlopen(url, timeout=LINE_SECONDS) as page:
        found = re.search(rb"^kieng_notifications_watchers ([0-9.]+)", page.read(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def submitted(stack: RunningStack, *more: str, subject: str = "") -> Any:
    """Declare an article as a person does."""
    proof = ("--evidence", str(stack.answer))
    return stack.json("submit", *PUBLICATION, *FACTS, *proof, "--subject", subject, *more)


@pytest.fixture
def verified(stack: RunningStack) -> Callable[[str], Any]:
    """Declares an article of somebody and verifies it, which tells its author."""

    def verify(subject: str) -> Any:
        made = submitted(stack, subject=subject)
        asked = ("review", "verify", made["submission_id"], "--institution", "hust")
        assert stack.run(*asked).code == 0
        return made

    return verify


def test_kpi_watch_shows_what_is_submitted_and_then_verified(
    stack: RunningStack, measured: Callable[[str], None]
) -> None:
    watched = ("kpi", "watch", "--unit", UNIT, "--indicator", "KNW-03", *YEAR)
    with lines(stack, *watched) as shown:

        def seen(measure: str, value: int) -> float:
            while True:
                at, answer = shown()
                if answer["cells"][0][measure] == value:
                    return at

        (cell,) = shown()[1]["cells"]
        began = time.monotonic()
        made = submitted(stack)
        declared = seen("declared", cell["declared"] + 1) - began
        began = time.monotonic()
        asked = ("review", "verify", made["submission_id"], "--institution", "hust")
        assert stack.run(*asked).code == 0
        verified = seen("verified", cell["verified"] + 1) - began
    commands = f"kieng submit after {declared:.2f} s, kieng review verify after {verified:.2f} s"
    measured(f"kieng kpi watch shows, from the start of the command: {commands}")


def test_submit_takes_facts_as_json_and_keeps_a_draft(stack: RunningStack, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"title": "Of a file", "issued_on": "2023-06-06"}))
    draft = stack.json("submit", *PUBLICATION, "--facts-json", str(facts), "--draft")
    assert draft["state"] == "STATE_DRAFT"
    assert draft["content"]["facts"]["publication"]["title"] == "Of a file"
    facts.write_text('{"heading": "no such fact"}')
    wrong = stack.run("submit", *PUBLICATION, "--facts-json", str(facts), "--draft")
    assert wrong.code == 2
    assert "heading" in wrong.err


def test_submission_show_reads_one_of_the_own_institution(stack: RunningStack) -> None:
    made = submitted(stack)
    shown = ("submission", "show", made["submission_id"], "--institution")
    assert stack.json(*shown, "hust")["version"] == made["version"]
    assert made["submission_id"] in stack.run(*shown, "hust").out
    strange = stack.run(*shown, "vnu")
    assert (strange.code, strange.out) == (1, "")


def test_submission_withdraw_takes_it_back(stack: RunningStack) -> None:
    made = submitted(stack)
    asked = ("submission", "withdraw", made["submission_id"], "--reason", "twice")
    taken = stack.json(*asked, "--institution", "hust")
    assert (taken["state"], taken["reason"]) == ("STATE_WITHDRAWN", "twice")


def test_inbox_watch_tells_and_inbox_read_marks(
    stack: RunningStack, verified: Callable[[str], Any]
) -> None:
    person = ("--institution", "hust", "--subject", "reader-of-commands")
    with lines(stack, "inbox", "watch", *person) as told:
        wait_until(lambda: watchers(stack), LINE_SECONDS, "the command listens")
        made = verified("reader-of-commands")
        _, notification = told()
    assert notification["about"] == f"submission:{made['submission_id']}"
    assert stack.json("inbox", "list", "--unread", *person)["unread"] == 1
    read = ("inbox", "read", notification["notification_id"], *person)
    assert stack.json(*read) == {"marked": 1}
    assert stack.json(*read) == {"marked": 0}
    assert stack.json("inbox", "list", "--unread", *person)["unread"] == 0


def test_subscription_show_tells_what_was_set(stack: RunningStack) -> None:
    person = ("--institution", "hust", "--subject", "subscriber-of-commands")
    assert stack.json("subscription", "show", *person).get("email", "") == ""
    mail = ("--email", "commands@example.org", "--kind", "submission_returned")
    stack.json("subscription", "set", *mail, *person)
    assert stack.json("subscription", "show", *person)["email"] == "commands@example.org"


def test_partner_search_and_resolve_name_one_that_is_registered(stack: RunningStack) -> None:
    found = stack.json("partner", "search", "tap doan viettel")["partners"]
    assert [partner["name"] for partner in found] == ["Viettel"]
    assert stack.json("partner", "resolve", "Viettel Group") == found[0]
    unknown = stack.run("partner", "resolve", "Nobody knows it")
    assert (unknown.code, unknown.out) == (1, "")
    assert "PARTNER_UNKNOWN" in unknown.err


def test_unit_search_finds_without_diacritics_and_publishing_the_same_changes_nothing(
    stack: RunningStack,
) -> None:
    found = stack.json("unit", "search", "khoa hoc tu nhien", "--below", "vnu")["units"]
    assert "vnu/hus" in [unit["unit_id"] for unit in found]
    first = stack.json("unit", "publish", str(DIRECTORY))
    assert stack.json("unit", "publish", str(DIRECTORY)) == first
    assert first["units"] > 50


def test_target_list_shows_the_targets_of_a_year(stack: RunningStack) -> None:
    found = stack.json("target", "list", "--year", "2025")["targets"]
    values = {(one["unit_id"], one["indicator_code"]): int(one["value"]) for one in found}
    assert values["vnu", "KNW-01"] == 120
    assert stack.json("target", "list", "--year", "2050") == {"targets": []}
