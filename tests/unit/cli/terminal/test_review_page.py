"""What a reviewer needs for a decision fits a terminal of 24 lines, the facts first."""

from __future__ import annotations

from pathlib import Path

import pytest

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_pb2
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.review_page import EFFECTS_MAX, about_lines, effect_lines, fact_lines
from services.cli.terminal.screen import Output, Screen
from services.texts import Lang

PAGES = Path(__file__).parents[1] / "pages"
LINES_MAX = 24


def screen() -> Screen:
    return Screen(Output.table, Lang.vi)


def submission(**facts: str) -> submission_pb2.Submission:
    found = submission_pb2.Submission(submission_id="vnu.1", version=2)
    found.content.unit_id = "vnu/hus"
    for name, value in {"title": "Vật liệu", **facts}.items():
        setattr(found.content.facts.publication, name, value)
    return found


@pytest.mark.parametrize("lang", Lang)
def test_a_page_fits_a_terminal_of_80_columns(lang: Lang) -> None:
    recorded = (PAGES / f"review-next.{lang}.txt").read_text(encoding="utf-8")
    lines = recorded.split("\n\n\n")[0].splitlines()
    assert len(lines) <= LINES_MAX
    assert max(map(len, lines[1:])) <= 80


def test_a_fact_that_was_verified_otherwise_is_shown_before_and_now() -> None:
    found = submission(issued_on="2025-03-02", doi="10.5555/new")
    found.verified_content.CopyFrom(submission(issued_on="2025-03-01").content)
    assert [*fact_lines(screen(), found)] == [
        "Đơn vị kê khai  vnu/hus",
        "DOI             - → 10.5555/new",
        "Ngày công bố    01/03/2025 → 02/03/2025",
    ]


def test_of_a_proof_the_beginning_of_its_hash_is_enough() -> None:
    found = submission()
    found.content.evidence.add(title="bài báo", sha256="ab" * 32)
    assert [*fact_lines(screen(), found)][-1] == "Minh chứng 1    bài báo · abababababab…"


def test_why_an_earlier_version_was_returned_is_said() -> None:
    found = submission()
    assert len([*about_lines(screen(), found)]) == 2
    found.reason = "Thiếu trang đầu"
    assert [*about_lines(screen(), found)][-1].endswith(": Thiếu trang đầu")


def test_more_effects_than_fit_are_counted() -> None:
    effects = [
        kpi_service_pb2.Effect(
            unit_id="vnu", indicator_code=f"KNW-{n:02d}", from_month="2025-01", to_month="2025-12"
        )
        for n in range(EFFECTS_MAX + 3)
    ]
    for effect in effects:
        effect.before.verified.whole, effect.once_verified.verified.whole = 0, 1
    lines = [*effect_lines(screen(), Names({}, {}, {}), effects)]
    assert len(lines) == 1 + EFFECTS_MAX + 1
    assert lines[1] == "  vnu  KNW-00  2025  0 → 1"
    assert "3" in lines[-1]


def test_what_is_declared_is_shown_if_verifying_changes_nothing_else() -> None:
    effect = kpi_service_pb2.Effect(unit_id="vnu", indicator_code="KNW-01", from_month="2025-03")
    effect.before.declared.whole, effect.once_verified.declared.whole = 4, 3
    assert [*effect_lines(screen(), Names({}, {}, {}), [effect])][-1].endswith("2025-03  4 → 3")
