"""What is wrong with a file is one line, and is known in Vietnamese."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from services import importing
from services.importing.errors import Unclear, Unreadable
from services.refusals import in_language
from tests.unit.refusals.test_refusals import sample

RAISED = {"Unreadable": 1, "Unclear": 1, "NoRoom": 1, "HeaderWrong": 0}


def said() -> list[str]:
    """The literal problems that the modules raise; where names are put in, `X1` stands for them."""
    found = []
    for path in sorted(Path(importing.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (name := getattr(node.func, "id", "")) in RAISED:
                found.append(sample(node.args[RAISED[name]]))
    return [text for text in found if len(re.sub("X1[:;]?", "", text).split()) > 2]


def test_every_problem_is_known_in_vietnamese() -> None:
    problems = said()
    assert len(problems) > 12
    assert [problem for problem in problems if in_language(problem, "vi") == problem] == []


def test_the_place_comes_first() -> None:
    assert str(Unreadable("a.csv", "the file is empty")) == "a.csv: the file is empty"
    assert Unclear("a.xlsx", "choose one", "sheet").choice == "sheet"
