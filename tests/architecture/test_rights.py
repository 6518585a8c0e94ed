"""Rights are decided in one place: no service compares a caller's roles or units by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASKED = {"roles", "unit_id", "reaches", "is_whole_institution"}
"""What a decision about rights would look at."""
ALLOWED = {
    # Facts that travel into the rules of submissions: who decides, and for how much.
    "services/submissions/application.py": {"roles", "unit_id"},
    # A list narrows its query to the caller's units.
    "services/submissions/paging.py": {"reaches", "unit_id"},
    # Who may vouch as a registry is a right to a value, not to a method; a refusal names the unit.
    "services/submissions/validation.py": {"roles", "unit_id"},
    # A proposer who may vote votes at once; the vote itself is checked as everybody's.
    "services/agreement/api.py": {"roles"},
    # A session keeps what its token says; the services decide.
    "services/portal/sessions.py": {"roles", "unit_id"},
    # A steward is answered with what is registered already.
    "services/partners/service.py": {"roles"},
}


def looked_at(tree: ast.AST) -> Iterator[str]:
    """Attributes of a principal that a module reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ASKED:
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name == "principal":
                yield node.attr


def test_only_the_policy_looks_at_roles_and_units_of_a_caller() -> None:
    found = {}
    for path in sorted((ROOT / "services").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        names = set(looked_at(ast.parse(path.read_text(encoding="utf-8"))))
        if names and not name.startswith("services/policy/"):
            found[name] = names
    assert found == ALLOWED, "ask services.policy.enforcement.need or rules.allow instead"
