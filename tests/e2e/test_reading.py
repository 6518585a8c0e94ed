"""The past, editions, overlaps and absences, as people ask for them on the command line."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.e2e.browsing import Visitor
from tests.e2e.calls import Caller, article, creation
from tests.e2e.forked import Answer, kieng
from tests.e2e.running import COMMAND_SECONDS, RunningStack
from tests.waiting import wait_until

# Nobody else's works lie there.
YEAR = ("--from", "2020-01", "--to", "2020-12")
SHOWN = ("kpi", "show", "--from", "2025-01", "--to", "2025-07")
UNIT = "vnu/hus/physics"
KNW = ("--indicator", "KNW-03")


def test_a_replay_to_where_the_view_stands_gives_its_digest_and_every_cell(
    stack: RunningStack,
) -> None:
    now = stack.json(*SHOWN)
    vector = ",".join(f"{p}:{offset}" for p, offset in now["view"]["progress"].items())
    again = stack.json(*SHOWN, "--at-vector", vector)
    assert again["view"]["digest"] == now["view"]["digest"]
    # Marks are of the claims as they are now; the past has none.
    unmarked = [
        {name: value for name, value in cell.items() if name != "contradictions"}
        for cell in now["cells"]
    ]
    assert again["cells"] == unmarked
    assert again["as_of"] == {"source": "replay"}
    long_ago = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    if now["view"]["view_id"].startswith("g1-"):
        before = stack.json(*SHOWN, "--as-of", long_ago)
        assert before["as_of"] == {"day": long_ago, "source": "replay"}
        assert {c["verified"] for c in before["cells"] if c["indicator"] == "KNW-03"} == {0}
    else:  # a test before this one has filled the log again
        assert "LOG_GONE" in stack.run(*SHOWN, "--as-of", long_ago).err
    # The stack has seen no midnight; but a day that ended in the last hour is kept at its start.
    yesterday = (datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")) - timedelta(days=1)).date()
    kept = {each["day"] for each in stack.json("kpi", "days")["days"]}
    assert kept <= {yesterday.isoformat()}
    assert stack.run(*SHOWN, "--as-of", "2999-01-01").code == 1
    assert stack.run(*SHOWN, "--at-vector", "0").code == 2


def alone(*arguments: str) -> Answer:
    """Run a command that needs neither a stack nor its folder."""
    return kieng(arguments, os.environ, Path.cwd(), COMMAND_SECONDS)


def report_of(stack: RunningStack, unit: str, edition: str) -> bytes:
    """The report of an edition as a viewer of a unit gets it from the portal."""
    visitor = Visitor(stack)
    visitor.sign_in("viewer", unit)
    answer = visitor.get(f"/editions/{edition}/report", unit="vnu", file="pdf")
    assert answer.content.startswith(b"%PDF-")
    return answer.content


def test_an_edition_is_closed_checked_and_compared(stack: RunningStack, tmp_path: Path) -> None:
    closed = stack.json("edition", "close", "2020-e2e", "--title", "Thử nghiệm", *YEAR)
    assert stack.run("edition", "close", "2020-e2e", "--title", "again", *YEAR).code == 1
    listed = stack.json("edition", "list")["editions"]
    assert closed in listed
    assert len({report_of(stack, unit, "2020-e2e") for unit in ("vnu", "hust")}) == 1
    file, key = tmp_path / "edition.json", tmp_path / "key.pem"
    file.write_text(stack.run("edition", "show", "2020-e2e", "--output", "json").out)
    key.write_text(stack.run("edition", "key").out)
    checked = ("edition", "verify", str(file), "--key", str(key), "--output", "json")
    assert json.loads(alone(*checked).out)["signature_holds"] is True
    file.write_text(file.read_text().replace("2020-12", "2020-11"))
    assert alone(*checked).code == 1

    author, approver = Caller(stack, "vnu", "contributor"), Caller(stack, "vnu", "approver")
    before = stack.json("kpi", "show", *YEAR, *KNW)["view"]["progress"]
    made = author.create(creation(UNIT, article("10.5555/e2e.late", "2020-05-20")))
    asked = ("kpi", "explain", "--unit", "vnu", *KNW, *YEAR, "--institution", "vnu")

    def reasons() -> list[str]:
        found = stack.json(*asked, "--submission", made.submission_id)
        return [finding["reason"] for finding in found["findings"]]

    wait_until(lambda: reasons() == ["not_verified"], 60, "declared")
    approver.verify(made.submission_id, made.version)
    wait_until(lambda: reasons() == ["counts"], 60, "verified")
    url = "https://doi.org/10.5555/E2E.late"
    elsewhere = stack.json(*asked, "--unit", "hust", "--work", url)
    assert elsewhere["work_key"] == "doi:10.5555/e2e.late"
    assert [one["reason"] for one in elsewhere["findings"]] == ["unit_not_below"]

    found = stack.json("edition", "restatements", "2020-e2e", "--indicator", "KNW-03")
    (line,) = found["restatements"]
    assert line["work_key"] == "doi:10.5555/e2e.late"
    assert [(c["cause"], c["unit"]) for c in line["claims"]] == [("late", UNIT)]
    cells = {
        cell["unit"]: (cell["closed"], cell["by_works"], cell["now"]) for cell in found["cells"]
    }
    assert cells == dict.fromkeys((UNIT, "vnu/hus", "vnu", "consortium"), (0, 1, 1))
    assert found["adds_up"] is True
    # What changed since the position before is what the edition says, for one unit.
    since = ",".join(f"{partition}:{offset}" for partition, offset in before.items())
    changed = stack.json("kpi", "diff", "--since", since, "--unit", "vnu", *KNW, *YEAR)
    (work,) = changed["works"]
    assert (work["kind"], work["work_key"]) == ("entered", "doi:10.5555/e2e.late")
    (cell,) = changed["cells"]
    assert (cell["unit"], cell["closed"], cell["by_works"], cell["now"]) == ("vnu", 0, 1, 1)
    assert changed["adds_up"] is True


def test_the_matrix_of_the_universities_explains_their_whole_count(stack: RunningStack) -> None:
    months = ("--from", "2025-01", "--to", "2025-07")
    found = stack.json("kpi", "overlaps", *KNW, *months, "--matrix")
    listed = stack.json("kpi", "overlaps", *KNW, *months)
    counts = sum(one["works"] for one in found["children"])
    pairs, triples = (sum(one["works"] for one in found[size]) for size in ("pairs", "triples"))
    assert (found["whole"], counts) == (listed["whole"], listed["sum_of_children"])
    assert found["whole"] == counts - pairs + triples
    assert triples == sum(len(one["units"]) == 3 for one in listed["overlaps"])
    assert pairs > triples > 0
