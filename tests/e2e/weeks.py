"""Walks the week of each role in the terminal, and writes what it saw as transcripts.

`python -m tests.e2e.weeks` starts the demo in `build/weeks`, types what a secretary, an author, a
reviewer, a leader and an operator type, in Vietnamese at 80 columns, and writes a transcript of
each week there. It exits with 1 if a command ended otherwise than it should, and else copies the
transcripts to `docs/weeks`.
"""

from __future__ import annotations

import csv
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.running import COMMAND_SECONDS, KIENG, RunningStack

FOLDER = Path(__file__).resolve().parents[2] / "build" / "weeks"
SHOWN = FOLDER.parents[1] / "docs" / "weeks"
ANYWHERE = "/srv/kieng"
"""What the transcripts show instead of the folder on this machine."""
OFFICE = ("--institution", "vnu")
UNIT = ("--unit", "vnu/hus")
YEAR = ("--from", "2025-01", "--to", "2025-12")
# Nothing is published there; these works are invented.
ROWS = (
    ("TUAN-1", "Trường ĐHKHTN", "Công trình bịa số một", "7/2025", "scopus"),
    ("TUAN-2", "vnu/hus", "Công trình bịa số hai", "2014-03-02", "scopus"),
    ("TUAN-3", "vnu/hus", "Công trình bịa số ba", "2014-03-03", "scopus, wos"),
)
DATED = {"7/2025": "2014-03-01"}
MENDED = DATED | {"Trường ĐHKHTN": "vnu/hus"}
"""What of the rows is refused -> what is right. A unit is looked for once the row can be read."""


class Week:
    """The transcript of one role's week on a running stack.

    Args:
        stack: the stack, whose data folder lies beside the transcripts.
        name: file name of the transcript.
        title: its first line.
    """

    def __init__(self, stack: RunningStack, name: str, title: str) -> None:
        self._stack = stack
        self._path = FOLDER / f"{name}.md"
        self._path.write_text(f"# {title}\n", encoding="utf-8")
        self.wrong: list[str] = []

    def types(self, *words: str, code: int = 0) -> None:
        """Run a command as a person does, who expects it to exit with a code."""
        own = {"KIENG_DATA": str(self._stack.data), "KIENG_LANG": "vi", "COLUMNS": "80"}
        ran = subprocess.run(
            [str(KIENG), *words],
            cwd=FOLDER,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        said = ran.stdout.decode(errors="replace").replace(str(FOLDER), ANYWHERE)
        lines = [f"$ kieng {shlex.join(words)}", *map(str.rstrip, said.rstrip().splitlines())]
        if ran.returncode:
            lines.append(f"(mã thoát {ran.returncode})")
        with self._path.open("a", encoding="utf-8") as transcript:
            transcript.write("\n".join(["", "```text", *lines, "```", ""]))
        if ran.returncode != code:
            self.wrong.append(f"{self._path.name}: kieng {shlex.join(words)}: {ran.returncode}")

    def knows(self, *words: str) -> Any:
        """What a command answers as JSON, without a place in the transcript."""
        return self._stack.json(*words)


def table(name: str, mended: dict[str, str]) -> str:
    """Write the rows as a person would keep them; return the name of the file."""
    (FOLDER / "minh-chung.pdf").write_bytes(b"an invented proof")
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["record_id", "unit_id", "title", "issued_on", "indexes", "evidence_file"])
        rows.writerows(
            [mended.get(cell, cell) for cell in row] + ["minh-chung.pdf"] for row in ROWS
        )
    return name


def secretary(week: Week) -> None:
    """Finds a unit, fills a table, mends what is refused, imports it twice."""
    week.types("unit", "search", "Trường ĐHKHTN")
    week.types("template", "publication", "--to", "mau.xlsx", "--force", *OFFICE)
    kind = ("--type", "publication", *OFFICE)
    week.types("import", table("bai-bao.csv", {}), *kind, "--dry-run", code=1)
    week.types("import", table("bai-bao.csv", DATED), *kind, "--dry-run", code=1)
    mended = table("bai-bao.csv", MENDED)
    week.types("import", mended, *kind, "--dry-run")
    week.types("import", mended, *kind)
    week.types("import", mended, *kind)
    week.types("submission", "list", "--mine", "--sort", "changed", "--limit", "3", *OFFICE)


def reviewer(week: Week) -> None:
    """Looks at the queue, returns one, decides the others by a file, and that twice."""
    week.types("review", "queue", *UNIT, "--limit", "5", *OFFICE)
    week.types("review", "queue", "--unit", "HUS", *OFFICE, code=1)
    made = week.knows("submission", "list", "--record", "TUAN-1", *OFFICE)["submissions"][0]
    reason = ("--reason", "Thiếu trang đầu của bài báo.")
    week.types("review", "return", made["submission_id"], *reason, *OFFICE)
    week.types("review", "export", "--to", "quyet-dinh.csv", "--force", *UNIT, *OFFICE)
    path = FOLDER / "quyet-dinh.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = csv.reader(file)
    title = next(n for n, cells in enumerate(zip(*rows, strict=True)) if ROWS[1][2] in cells)
    for row in rows:
        row[0] = "xác minh" if row[title].startswith("Công trình bịa") else ""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    week.types("review", "import", "quyet-dinh.csv", *OFFICE)
    week.types("review", "import", "quyet-dinh.csv", *OFFICE)
    week.types("review", "next", *UNIT, *OFFICE)


def author(week: Week) -> None:
    """Meets the returned work, corrects it, declares one more and takes it back."""
    week.types("inbox", "list", "--limit", "5", *OFFICE)
    week.types("submission", "list", "--state", "returned", "--mine", "--limit", "5", *OFFICE)
    made = week.knows("submission", "list", "--record", "TUAN-1", *OFFICE)["submissions"][0]
    whole = made["submission_id"]
    week.types("submission", "show", whole[-12:], *OFFICE, code=1)
    week.types("submission", "show", whole[:8], *OFFICE, code=1)
    better = ("--fact", "title=Công trình bịa số một, bản đủ", "--evidence", "minh-chung.pdf")
    week.types("submission", "amend", whole, *better, *OFFICE)
    week.types("submission", "history", whole, *OFFICE)
    facts = ("--fact", "title=Công trình bịa số bốn", "--fact", "issued_on=7/2025")
    declared = ("submit", *UNIT, "--type", "publication", "--evidence", "minh-chung.pdf")
    week.types(*declared, *facts, *OFFICE, code=1)
    week.types("submission", "withdraw", whole, "--reason", "Đã kê khai ở đơn vị khác.", *OFFICE)


def leader(week: Week) -> None:
    """Reads a page on the unit, who is behind, what changed, why; keeps a picture and a file."""
    week.types("kpi", "show", "--unit", "vnu", *YEAR, "--targets-only", "--sort", "gap")
    week.types("kpi", "show", "--unit", "vnu", *YEAR, "--children", "--behind")
    week.types("report", "--unit", "vnu", "--to", "2025-07")
    week.types("report", "--unit", "vnu", "--to", "2025-07", "--output", "pdf", "--file", "vnu.pdf")
    chosen = ("--unit", "vnu", "--indicator", "KNW-03", "--to", "2025-12")
    week.types("kpi", "plot", *chosen, "--from", "2025-04")
    week.types("kpi", "explain", "--unit", "vnu/uet", "--indicator", "KNW-01", *YEAR)
    week.types("kpi", "explain", "--unit", "hus", "--indicator", "KNW-1", *YEAR, code=1)
    week.types("kpi", "show", "--unit", "Trường ĐHKHTN", *YEAR, code=1)


def operator(week: Week) -> None:
    """Looks whether all is well, and where it would say so if not."""
    week.types("status")
    week.types("doctor")
    week.types("config", "check")
    week.types("logs", "kpi.query", "--lines", "5")
    week.types("logs", "nothing", code=2)
    week.types("doctor", "--data", "nowhere", code=3)


WEEKS: tuple[tuple[str, str, Callable[[Week], None]], ...] = (
    ("1-thu-ky", "Tuần của thư ký", secretary),
    ("2-nguoi-duyet", "Tuần của người duyệt", reviewer),
    ("3-tac-gia", "Tuần của tác giả", author),
    ("4-lanh-dao", "Tuần của lãnh đạo", leader),
    ("5-van-hanh", "Tuần của người vận hành", operator),
)


def main() -> int:
    """Start the demo, walk all weeks, and return the exit code."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    stack, wrong = RunningStack(FOLDER, "embedded", {}), list[str]()
    try:
        stack.start("demo", until="kieng doctor")
        for name, title, walk in WEEKS:
            week = Week(stack, name, title)
            walk(week)
            wrong += week.wrong
    finally:
        stack.stop()
    if not wrong:
        for name, *_ in WEEKS:
            shutil.copy(FOLDER / f"{name}.md", SHOWN)
    print(f"{len(WEEKS)} transcripts in {FOLDER}", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
