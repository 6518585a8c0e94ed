"""What is said of cells is there in both languages, with the same values."""

from __future__ import annotations

import re

from services.importing.texts import text, texts


def test_both_languages_say_the_same_of_a_cell() -> None:
    vi, en = texts("vi"), texts("en")
    assert vi.keys() == en.keys()
    of_cells = {key for key in vi if not key.startswith("template.")}
    ends = ("problem", "remedy")
    assert {f"{key.rpartition('.')[0]}.{end}" for key in of_cells for end in ends} == of_cells
    names = re.compile(r"\{(\w+)")
    assert [key for key in vi if {*names.findall(vi[key])} != {*names.findall(en[key])}] == []


def test_a_text_has_its_values() -> None:
    assert "row 3" in text("en", "cell.twice.problem", {"row": "3"})
