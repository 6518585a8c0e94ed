"""A part of the demo data: works of every type, with all their claims and what became of them.

The whole of the demo takes a local stack more than a minute of CPU to import. That every number of
it comes out is shown without a process (tests/unit/deploy/test_demo_numbers.py), and between real
processes by `make test-slow`, which imports it whole.
"""

from __future__ import annotations

import csv
import os
import shutil
import zlib
from collections import defaultdict
from collections.abc import Container
from functools import cache
from pathlib import Path

from tests.e2e import demo_works
from tests.e2e.demo_works import DEMO, Submission, Work, read, work_key

ONE_OF = {"publication": 32, "ip_right": 16, "product": 12, "receipt": 16}
ONE_OF_OTHERS = 6
"""So many works of a type are represented by one."""
FEW = {
    *("event", "impact_story", "institute", "investment", "programme", "recognition", "training"),
}
"""Types of which all are taken."""
wanted = {"the whole": "DEEP" in os.environ, "one of": 1}


def take_a_part(one_of: int = 1) -> None:
    """Take a part from now on, also in `make test-slow`.

    For a stack on which no figure of the whole is looked at: the import takes 80 s of CPU less.

    Args:
        one_of: so many times fewer than the sample has are enough, too.
    """
    wanted.update({"the whole": False, "one of": one_of})
    submissions.cache_clear()
    works.cache_clear()


def is_chosen(submission: Submission) -> bool:
    """Whether a submission is in the sample. Claims of one work are chosen together."""
    if wanted["the whole"]:
        return True
    if work_key(submission, submission.first) in led_by_chance():
        return False
    key = work_key(submission, submission.first).encode()
    several = 1 if submission.type in FEW else ONE_OF.get(submission.type, ONE_OF_OTHERS)
    several *= wanted["one of"]
    # Of these parts this is one in which works are shared by two universities, and by three, and
    # every indicator counts something: see test_demo_figures.py.
    return zlib.crc32(key) % several == several // 4


@cache
def led_by_chance() -> set[str]:
    """Keys of works that another claim leads once an institution verifies two within a millisecond.

    Of claims that were verified at the same time the source decides, not the order of the file. A
    service takes up to nine decisions in a millisecond. In the whole demo dozens of others lie
    between two that make a difference, in a part of it a few.
    """
    claims: defaultdict[tuple[str, str], list[Submission]] = defaultdict(list)
    for each in demo_works.submissions():
        if each.verified_at != demo_works.NEVER:
            claims[each.institution, work_key(each, each.first)].append(each)
    return {
        key
        for (_, key), several in claims.items()
        if min(several, key=lambda each: each.verified_at)
        is not min(several, key=lambda each: demo_works.SOURCE_RANK[each.content["source"]])
    }


@cache
def submissions() -> list[Submission]:
    """The submissions of the sample at the end of the demo's flow."""
    return [each for each in demo_works.submissions() if is_chosen(each)]


@cache
def works(measure: str) -> dict[str, Work]:
    """Work key -> work of the sample, as a measure sees it."""
    return demo_works.works_of(submissions(), measure)


def write(folder: Path) -> None:
    """Write the files of the sample, as `kieng demo --files` takes them."""
    for name in ("partners.csv", "targets.csv"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEMO / name, folder / name)
    for institution in demo_works.INSTITUTIONS:
        chosen = {each.record_id for each in submissions() if each.institution == institution}
        for path in sorted((DEMO / institution).rglob("*.csv")):
            _copy(path, folder / path.relative_to(DEMO), chosen)


def _copy(path: Path, to: Path, chosen: Container[str]) -> None:
    rows = read(path)
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if row["record_id"] in chosen)
