"""The repository keeps every rule of rules.py."""

from pathlib import Path

import pytest

from tests.architecture.rules import RULES, Rule

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_source_keeps_the_rule(rule: Rule) -> None:
    violations = rule(ROOT)
    assert not violations, "\n".join(["", *violations])
