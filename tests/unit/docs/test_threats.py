"""The page of attacks names tests that exist, and its command runs all of them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.policy.table import RELATIONS, ROLES, TABLE
from tests.unit.policy.test_matrix import CREDENTIALS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/threats.md").read_text(encoding="utf-8")
NODE = re.compile(r"`(tests/[^`]+?/test_\w+\.py(?:::[^`]+)?)`")


def test_every_attack_is_repeated_by_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 17))
    assert [number for number, tests in rows if not NODE.findall(tests)] == []
    assert [node for node in NODE.findall(PAGE) if not exists(node)] == []


def exists(node: str) -> bool:
    """Whether there is a module of tests, and the test in it that is named."""
    path, _, test = node.partition("::")
    module = ROOT / path
    name = test.partition("[")[0]
    return module.exists() and f"def {name or 'test_'}" in module.read_text(encoding="utf-8")


def test_the_command_runs_each_of_them_once() -> None:
    assert "pytest" in PAGE
    assert "@tests/company.txt" in PAGE
    listed = (ROOT / "tests/company.txt").read_text(encoding="utf-8").splitlines()
    named = dict.fromkeys(NODE.findall(PAGE))
    modules = {node for node in named if "::" not in node}
    wanted = [node for node in named if "::" not in node or node.partition("::")[0] not in modules]
    assert listed == wanted


def test_the_number_of_decided_cases_is_the_one_that_is_told() -> None:
    cases = len(TABLE) * (len(ROLES) + 1) * len(RELATIONS) * len(CREDENTIALS)
    assert f"{cases:,} decisions" in PAGE
